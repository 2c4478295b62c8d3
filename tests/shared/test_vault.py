"""What is stored encrypted opens only with its own key, for its own column, undamaged."""

import os
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.vault import Cipher, Ring, Vault, VaultError, made_secret_key

CIPHER = Cipher(Ring.of(b"k" * 32))


@given(st.binary(max_size=2000))
def test_a_value_comes_back_and_never_looks_the_same(value: bytes):
    """Encryption is randomised: equal values cannot be told from their stored form."""
    stored = CIPHER.encrypt(value, "customer.phone")
    assert CIPHER.decrypt(stored, "customer.phone") == value
    assert stored != CIPHER.encrypt(value, "customer.phone")
    assert len(value) < 4 or value not in stored


def test_a_value_moved_to_another_column_does_not_open():
    """The context is authenticated."""
    stored = CIPHER.encrypt(b"13800000000", "customer.phone")
    with pytest.raises(VaultError, match=r"customer\.name"):
        CIPHER.decrypt(stored, "customer.name")


def test_a_value_of_another_key_does_not_open():
    """Each tenant has its own key."""
    with pytest.raises(VaultError):
        Cipher(Ring.of(b"l" * 32)).decrypt(CIPHER.encrypt(b"x", "a.b"), "a.b")


@given(st.integers(min_value=0, max_value=32), st.integers(min_value=1, max_value=255))
def test_a_damaged_value_does_not_open(position: int, flip: int):
    """Every byte counts: format, nonce, ciphertext and tag."""
    stored = bytearray(CIPHER.encrypt(b"text", "a.b"))
    stored[position] ^= flip
    with pytest.raises(VaultError):
        CIPHER.decrypt(bytes(stored), "a.b")


@given(st.binary(max_size=40))
def test_rubbish_raises_only_a_vault_error(stored: bytes):
    """Whatever lies in a column, its reader has one error to catch."""
    with pytest.raises(VaultError):
        CIPHER.decrypt(b"\x01" + stored, "a.b")
    with pytest.raises(VaultError):
        CIPHER.decrypt(b"\x00" + stored, "a.b")


def test_a_database_buffer_opens_too():
    """Drivers hand out memoryviews."""
    assert CIPHER.decrypt(memoryview(CIPHER.encrypt(b"x", "a.b")), "a.b") == b"x"  # type: ignore[arg-type]


def test_the_blind_index_is_equal_for_equal_values_of_one_kind_and_key():
    """A value is found again by a hash that says nothing without the key."""
    index = CIPHER.index("phone", "13800000000")
    assert index == Cipher(Ring.of(b"k" * 32)).index("phone", "13800000000")
    others = {
        CIPHER.index("phone", "13800000001"),
        CIPHER.index("email", "13800000000"),
        Cipher(Ring.of(b"l" * 32)).index("phone", "13800000000"),
        CIPHER.index("", "phone13800000000"),
    }
    assert len(others | {index}) == 5
    assert {len(one) for one in others} == {32}


def test_a_data_key_opens_with_its_secret_key_only():
    """Another installation's key opens nothing."""
    vault = Vault("s" * 32)
    wrapped = vault.new_data_key()
    stored = vault.open(wrapped).encrypt(b"x", "a.b")
    assert Vault("s" * 32).open(wrapped).decrypt(stored, "a.b") == b"x"
    with pytest.raises(VaultError):
        Vault("t" * 32).open(wrapped)


def test_two_data_keys_have_nothing_in_common():
    """One tenant's key does not open another tenant's values."""
    vault = Vault("s" * 32)
    one, other = vault.open(vault.new_data_key()), vault.open(vault.new_data_key())
    with pytest.raises(VaultError):
        other.decrypt(one.encrypt(b"x", "a.b"), "a.b")
    assert one.index("phone", "1") != other.index("phone", "1")


def test_the_made_key_is_the_owners_and_stays(tmp_path: Path):
    """Made at first use, readable by nobody else, the same ever after."""
    home = tmp_path / "deep" / "home"
    key = made_secret_key(home)
    assert len(key) >= 32
    assert made_secret_key(home) == key
    assert [path.name for path in home.iterdir()] == ["secret_key"]
    assert (home / "secret_key").stat().st_mode & 0o777 == 0o600


def test_a_crash_while_it_was_made_does_not_block_the_key(tmp_path: Path):
    """A half-made file of a dead process with the same id is no obstacle."""
    (tmp_path / f"secret_key.{os.getpid()}").write_text("half")
    assert made_secret_key(tmp_path) != "half"


def test_threads_that_start_together_agree_on_one_key(tmp_path: Path):
    """The first one wins, and nobody fails."""
    barrier = threading.Barrier(8)

    def make(_number: int) -> str:
        barrier.wait(10)
        return made_secret_key(tmp_path)

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(make, range(8)))) == 1


def test_processes_that_start_together_agree_on_one_key(tmp_path: Path):
    """`guanxi up` starts several at once in a new home."""
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        assert len(set(pool.map(made_secret_key, [tmp_path] * 12))) == 1
