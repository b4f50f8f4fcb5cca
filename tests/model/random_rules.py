"""Seeded random rule files that use the whole expression language of DESIGN 4 and 5.

Lengths of time come from a small pool, which random_shop.py shares, so that events often fall exactly
on the second at which a window ends or a duration is reached.
"""

import expression

POOLS = {
    "minutes": ["30s", "1m", "90s", "2m", "5m", "10m", "1h"],
    "days": ["1m", "1h", "90m", "1d", "24h", "2d", "1w", "10d", "30d"],
    "years": ["1d", "1w", "30d", "90d", "180d", "365d", "400d", "52w"],
}
RETENTIONS = {
    "minutes": [None, "1h", "2h", "1d", "10m"],
    "days": [None, "30d", "12d", "5w", "45d"],
    "years": [None, "400d", "365d", "100d", "500d"],
}
KINDS = ["email_sent", "email_open", "cart_add", "search", "page_view", "leaflet", "app_push_sent"]
OWN_KINDS = ["leaflet", "app_push_sent"]
NAMES = ["vip", "at-risk", "7-up", "won_back", "a", "B2", "_x", "order", "any", "in_", "z-", "not-now"]
NAMES += ["long-name_with-3-parts", "99", "cart_abandoned", "email_open"]
HOLDOUTS = ["10%", "0.5%", "33.33%", "50%", "100%"]
SIGNS = [">", ">=", "<", "<=", "==", "!="]


class RandomRules:
    def __init__(self, random, scale):
        self.random = random
        self.retention = random.choice(RETENTIONS[scale])
        longest = expression.parse_duration(self.retention or "400d")
        fitting = [text for text in POOLS[scale] if expression.parse_duration(text) <= longest]
        self.lengths = random.sample(fitting, min(len(fitting), random.randint(1, 5)))
        self.thresholds = [0, 1, 2, 3, 5, 10, 20, 50, 100]

    def pick(self, *choices):
        return self.random.choice(choices)

    def chance(self, share):
        return self.random.random() < share

    def length(self):
        return self.random.choice(self.lengths)

    # ---- expressions, by type ----

    def sum_metric(self):
        name = self.pick("orders", "spend", "orders", "spend", "margin", "items", "discount", "returns", "aov")
        return f"{name}({self.length()})" if self.chance(0.75) else f"{name}()"

    def kind_metric(self):
        name, kind = self.pick("count", "count", "value"), self.random.choice(KINDS)
        window = f"{self.pick(',', ', ')}{self.length()}" if self.chance(0.75) else ""
        return f"{name}({kind}{window})"

    def literal(self):
        value = str(self.random.choice(self.thresholds))
        return value + self.pick("", "", "", ".5", ".25", ".0001", ".9999")

    def number(self, depth):
        roll = self.random.random()
        if depth <= 0 or roll < 0.55:
            return self.sum_metric() if self.chance(0.6) else self.kind_metric()
        if roll < 0.65:
            return self.literal()
        if roll < 0.72:
            return f"-{self.number(depth - 1)}"
        if roll < 0.8:
            return f"({self.number(depth - 1)})"
        sign = f"{self.pick(' ', '  ')}{self.pick('+', '-', '*', '/')} "
        return self.number(depth - 1) + sign + self.number(depth - 1)

    def duration_comparison(self, segments):
        subject = self.random.choice(["order", "any", *KINDS])
        metric = self.pick(f"since({subject})", f"since({subject})", "age(order)")
        if segments and self.chance(0.3):
            metric = f"dwell({self.random.choice(segments)})"
        constant = self.pick(self.length(), self.length(), self.length(), "0s")
        sign = self.random.choice(SIGNS)
        return f"{constant} {sign} {metric}" if self.chance(0.15) else f"{metric} {sign} {constant}"

    def instant_comparison(self):
        def instant():
            return f"{self.pick('first', 'last')}({self.random.choice(['order', 'order', *KINDS])})"

        return f"{instant()} {self.random.choice(SIGNS)} {instant()}"

    def comparison(self, segments):
        roll = self.random.random()
        if segments and roll < 0.2:
            return f"in({self.random.choice(segments)})"
        if roll < 0.45:
            return self.duration_comparison(segments)
        if roll < 0.55:
            return self.instant_comparison()
        other = self.literal() if self.chance(0.75) else self.number(1)
        return f"{self.number(2)} {self.random.choice(SIGNS)} {other}"

    def condition(self, depth, segments):
        roll = self.random.random()
        if depth <= 0 or roll < 0.45:
            return self.comparison(segments)
        if roll < 0.57:
            return f"not {self.condition(depth - 1, segments)}"
        if roll < 0.67:
            return f"({self.condition(depth - 1, segments)})"
        word = self.pick("and", "or")
        return f"{self.condition(depth - 1, segments)} {word} {self.condition(depth - 1, segments)}"

    # ---- the file ----

    def segment(self, name, segments):
        lines = [f"  {name}:", f"    when: {self.condition(3, segments)}"]
        if self.chance(0.35):
            lines.append(f"    leave_when: {self.condition(2, segments)}")
        if self.chance(0.3):
            lines.append(f"    hold: {self.length()}")
        if self.chance(0.3):
            lines.append(f"    holdout: {self.random.choice(HOLDOUTS)}")
        return lines

    def text(self):
        lines = [f"kinds: [{', '.join(OWN_KINDS)}]"]
        if self.retention:
            lines.append(f"retention: {self.retention}")
        lines.append("segments:")
        names = self.random.sample(NAMES, self.random.randint(1, 10))
        rank = self.random.sample(names, len(names))  # a rule may name those of lower rank
        for name in names:
            lines += self.segment(name, rank[: rank.index(name)])
        return "\n".join(lines) + "\n"
