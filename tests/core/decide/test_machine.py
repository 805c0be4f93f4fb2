"""Every order of events: a rule-based search for a sequence that breaks a promise of the gate."""

from hypothesis import settings

from tests.core.decide.machine import World

TestWorld = World.TestCase
TestWorld.settings = settings(max_examples=max(400, settings().max_examples), stateful_step_count=50)
