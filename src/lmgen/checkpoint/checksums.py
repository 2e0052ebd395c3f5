"""The checksum that leveldb and TensorFlow's records store."""


def masked(crc: int) -> int:
    """A CRC-32C as it is stored: a sum over bytes that hold sums would be no good one."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
