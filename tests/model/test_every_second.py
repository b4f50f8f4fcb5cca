"""The model's seconds are enough: on random shops of minutes, evaluating at the seconds that it takes
gives what evaluating at every single second gives."""

import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import customer
import events
import naive
import random_shop
import rules as rule_file

SHOPS = 8
SPAN_MAX = 20_000


class EverySecond(customer.Customer):
    def fire_to_first_change(self, until):
        for second in range(self.looked + 1, until + 1):
            if self.evaluate(second, "clock", ""):
                self.clock = self.looked = second
                return True
        return False


def small_shops(folder):
    """Paths and last clocks of shops whose whole life is a few hours."""
    found = seed = 0
    while found < SHOPS:
        seed += 1
        shop = random_shop.RandomShop(seed)
        if shop.scale == "minutes" and shop.special == "none":
            made = random_shop.write(seed, folder)
            paths = {stream: made[stream] for stream in events.STREAMS}
            times = [event.occurred_at for event in events.read_replay(paths)]
            if max(times) - min(times) < SPAN_MAX:
                found += 1
                yield made["rules"], paths, max(times) + 1000


def transitions(make_customer, rules, paths, to):
    with open(rules, "rb") as file:
        model = naive.Model(rule_file.Rules(file.read()), make_customer)
    naive.replay(model, paths, to)
    return model.transitions()


class TestEverySecond(unittest.TestCase):
    def test_same_transitions(self):
        total = 0
        with tempfile.TemporaryDirectory() as folder:
            for shop in small_shops(folder):
                wanted = transitions(EverySecond, *shop)
                self.assertEqual(transitions(customer.Customer, *shop), wanted)
                total += len(wanted)
        self.assertGreater(total, 50)


if __name__ == "__main__":
    unittest.main()
