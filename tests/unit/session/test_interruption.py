"""Real signals to this process."""

import os
import signal
import threading

import pytest

from foretune.session.interruption import Interruption


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_ends(number):
    before = signal.getsignal(number)
    with Interruption() as ending:
        assert not ending.asked()
        os.kill(os.getpid(), number)
        assert ending.asked()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before


def test_outside_of_the_main_thread_callers_ask_themselves():
    found = []

    def elsewhere():
        with Interruption() as ending:
            ending.ask()
            found.append(ending.asked())

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert found == [True]
