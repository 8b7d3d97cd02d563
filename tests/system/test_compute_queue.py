"""The fair gate: first come first served, a bounded queue, and no way to leave it shut."""

import threading
import time

import pytest

from recam_core.records import UserError
from recam_core.system.compute_queue import ComputeQueue

PATIENCE = 10


def until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.001)


class Visitor(threading.Thread):
    """Somebody who queues, notes what was said while waiting, and stays inside until let go."""

    def __init__(self, queue, order, name):
        super().__init__(daemon=True, name=name)
        self.queue, self.order, self.places, self.leave = queue, order, [], threading.Event()
        self.start()

    def run(self):
        with self.queue.take(self.places.append):
            self.order.append(self.name)
            self.leave.wait(PATIENCE)


def queue_up(queue, names):
    """Visitors that arrived in the given order; the first is inside."""
    order, visitors = [], []
    for i, name in enumerate(names):
        visitors.append(Visitor(queue, order, name))
        until(lambda i=i: order == [names[0]] if i == 0 else visitors[i].places == [i])
    return order, visitors


def test_first_come_first_served_one_at_a_time_and_waiting_is_told():
    names = ["a", "b", "c", "d"]
    order, visitors = queue_up(ComputeQueue(), names)
    for done, visitor in enumerate(visitors, start=1):
        assert order == names[:done]  # nobody else came in meanwhile
        visitor.leave.set()
        visitor.join(PATIENCE)
        until(lambda done=done: len(order) == min(done + 1, len(names)))
        for place, waiting in enumerate(visitors[done:], start=0):
            until(lambda w=waiting, p=place: p == 0 or w.places[-1] == p)
    assert order == names
    assert [v.places for v in visitors] == [[], [1], [2, 1], [3, 2, 1]]


def test_the_queue_is_bounded_and_opens_again():
    queue = ComputeQueue(limit=2)
    _, visitors = queue_up(queue, ["inside", "first", "second"])
    with pytest.raises(UserError, match="2 people are waiting"), queue.take():
        pass
    for visitor in visitors:
        visitor.leave.set()
        visitor.join(PATIENCE)
    with queue.take():
        pass


def test_an_exception_inside_frees_the_gate():
    queue = ComputeQueue()
    with pytest.raises(ZeroDivisionError), queue.take():
        raise ZeroDivisionError
    places = []
    with queue.take(places.append):
        pass
    assert places == []


def test_whoever_stops_waiting_leaves_the_queue():
    queue = ComputeQueue()

    def walk_away(_):
        raise InterruptedError

    with queue.take():
        with pytest.raises(InterruptedError), queue.take(walk_away):
            pytest.fail("the gate was held")
        order, (late,) = [], [Visitor(queue, [], "late")]
        until(lambda: late.places == [1])
    late.leave.set()
    late.join(PATIENCE)
    assert not late.is_alive()
    assert order == []


class BriefVisitor(Visitor):
    """Somebody who asks for a brief turn."""

    def run(self):
        with self.queue.take(self.places.append, brief=True):
            self.order.append(self.name)
            self.leave.wait(PATIENCE)


def test_brief_turns_come_before_long_ones_that_wait_and_in_the_order_of_asking():
    order, visitors = queue_up(ComputeQueue(), ["inside", "long", "longer"])
    queue = visitors[0].queue
    for place, name in enumerate(["brief", "briefer"], start=1):
        visitors.append(BriefVisitor(queue, order, name))
        until(lambda p=place: visitors[-1].places == [p])
        until(lambda p=place: visitors[1].places[-1] == 1 + p)  # who waits hears of it, before the next one comes
    assert visitors[1].places == [1, 2, 3]
    for visitor in visitors:
        visitor.leave.set()
    for visitor in visitors:
        visitor.join(PATIENCE)
    assert order == ["inside", "brief", "briefer", "long", "longer"]
    with queue.take(brief=True):  # nobody is there: it goes in at once, and long ones wait for it
        late = Visitor(queue, order, "late")
        until(lambda: late.places == [1])
    late.leave.set()
    late.join(PATIENCE)


def test_a_brief_turn_is_not_turned_away_and_one_that_goes_leaves_no_gap():
    queue = ComputeQueue(limit=0)

    def walk_away(_):
        raise InterruptedError

    with queue.take():
        with pytest.raises(InterruptedError), queue.take(walk_away, brief=True):
            pytest.fail("the gate was held")
        with pytest.raises(UserError), queue.take():
            pytest.fail("there is no place in the queue")
    order, visitors = queue_up(ComputeQueue(), ["inside", "long"])
    brief = BriefVisitor(visitors[0].queue, order, "brief")
    until(lambda: brief.places == [1])
    for visitor in (*visitors, brief):
        visitor.leave.set()
    for visitor in (*visitors, brief):
        visitor.join(PATIENCE)
    assert order == ["inside", "brief", "long"]


def test_many_at_once_are_never_inside_together():
    queue, inside, most = ComputeQueue(limit=100), [], []

    def visit(n):
        with queue.take(brief=n % 3 == 0):
            inside.append(n)
            most.append(len(inside))
            inside.remove(n)

    people = [threading.Thread(target=visit, args=(n,)) for n in range(60)]
    for person in people:
        person.start()
    for person in people:
        person.join(PATIENCE)
    assert most == [1] * 60
    assert queue._queue == []
    assert queue._brief == 0
