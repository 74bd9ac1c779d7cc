"""The page: Gradio Blocks, one package a tab."""
