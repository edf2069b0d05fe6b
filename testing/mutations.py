"""Mutations that damage a recording as transfers, recorders and attackers do."""

import struct
from collections.abc import Callable, Sequence

import numpy as np

SHORTEST = 16
"""The bytes below which a file is not mutated any more."""

Random = np.random.Generator
Mutation = Callable[[bytearray, Random], None]


def flip_bits(data: bytearray, random: Random) -> None:
    for offset in random.integers(0, len(data), random.integers(1, 30)):
        data[offset] ^= 1 << int(random.integers(8))


def flip_bits_of_the_header(data: bytearray, random: Random) -> None:
    for offset in random.integers(0, min(80, len(data)), random.integers(1, 6)):
        data[offset] ^= 1 << int(random.integers(8))


def write_a_wrong_number(data: bytearray, random: Random) -> None:
    numbers = (0, 1, 2, 3, 7, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
    offset = int(random.integers(4, min(64, len(data) - 4)))
    width, layout = (4, "<I") if random.random() < 0.6 else (2, "<H")
    data[offset : offset + width] = struct.pack(
        layout, int(random.choice(numbers)) & (0xFFFFFFFF >> (32 - 8 * width))
    )


def cut_off(data: bytearray, random: Random) -> None:
    del data[int(random.integers(1, len(data))) :]


def repeat_a_part(data: bytearray, random: Random) -> None:
    start, length = int(random.integers(0, len(data))), int(random.integers(1, 400))
    data[start:start] = data[start : start + length]


def insert_noise(data: bytearray, random: Random) -> None:
    offset = int(random.integers(0, len(data)))
    data[offset:offset] = random.bytes(int(random.integers(1, 64)))


def swap_two_parts(data: bytearray, random: Random) -> None:
    first, second = sorted(int(offset) for offset in random.integers(0, len(data), 2))
    data[:] = data[:first] + data[second:] + data[first:second]


MUTATIONS: tuple[Mutation, ...] = (
    flip_bits,
    flip_bits_of_the_header,
    write_a_wrong_number,
    cut_off,
    repeat_a_part,
    insert_noise,
    swap_two_parts,
)


def mutate(original: bytes, mutations: Sequence[tuple[Mutation, int]]) -> bytes:
    """Apply mutations to a file, one after the other, each with its seed."""
    mutant = bytearray(original)
    for mutation, seed in mutations:
        if len(mutant) > SHORTEST:
            mutation(mutant, np.random.default_rng(seed))
    return bytes(mutant)
