"""Threads share a studio: each gets what it asked for, and none keeps the device."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from aigc_demo.requests import GenerateRequest
from aigc_demo.studio import Studio
from tests import factories


def test_threads_get_what_they_asked_for(studio: Studio) -> None:
    models = [f"shapes-{method}" for method in factories.GENERATE]
    requests = [
        GenerateRequest(model=m, seed=s, count=3, evaluations=4) for s in range(6) for m in models
    ]
    serial = [[i.tobytes() for i in studio.generate(r).images] for r in requests]
    with ThreadPoolExecutor(4) as pool:
        results = pool.map(studio.generate, requests)
        together = [[i.tobytes() for i in result.images] for result in results]
    assert together == serial


def test_a_consumer_that_goes_away_leaves_the_studio_free(studio: Studio) -> None:
    request = GenerateRequest(model="shapes-flow", count=1, evaluations=4)
    forming = studio.generate_steps(request)
    next(forming)
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(studio.generate, request).result(timeout=30)
    *_, last = forming
    assert last.images[0].tobytes() == other.images[0].tobytes()
