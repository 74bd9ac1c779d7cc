"""Image quality: PSNR and SSIM of an image against its truth; FID, KID and others of sets of them.

Import from the module that has the thing, so that comparing two images loads no data sets.
"""
