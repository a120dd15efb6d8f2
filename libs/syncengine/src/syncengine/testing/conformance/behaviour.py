"""What the kit is made of: one behaviour is one small story, told to a fresh shop."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from syncengine.testing.conformance.scene import Scene
from syncengine.testing.conformance.subject import CAPABILITIES, ShopUnderTest

Story = Callable[[Scene], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """A story that ends with assertions, and what a marketplace must have for it."""

    name: str
    story: Story
    needs: tuple[str, ...] = ()
    """Of `CAPABILITIES`."""

    def __str__(self) -> str:
        return self.name


@dataclass(slots=True)
class Chapter:
    """Behaviours of one kind, in the order in which they are told."""

    behaviours: list[Behaviour]

    def needs(self, *needs: str) -> Callable[[Story], Story]:
        """Add a story."""

        def add(story: Story) -> Story:
            self.add(getattr(story, "__name__", ""), story, *needs)
            return story

        return add

    def add(self, name: str, story: Story, *needs: str) -> None:
        """Add a story under a name of its own."""
        self.behaviours.append(Behaviour(name, story, needs))


async def check(behaviour: Behaviour, subject: ShopUnderTest) -> None:
    """Tell a story to a shop; skipped only if its marketplace says that it lacks what is needed, and why."""
    if unknown := subject.lacks.keys() - CAPABILITIES:
        raise ValueError(f"no capability: {sorted(unknown)}")
    for need in behaviour.needs:
        if fact := subject.lacks.get(need):
            pytest.skip(f"no {need}: {fact}")
    scene = Scene(subject)
    await behaviour.story(scene)
    await scene.end()
