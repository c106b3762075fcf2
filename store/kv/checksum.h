// Computes CRC-32C, the checksum that guards each value we store and each record of RocksDB's log.
//
// STANDARDS  RFC 3720 appendix B.4 (the polynomial and its test vectors)
#pragma once

#include <cstdint>
#include <string_view>

namespace pennypost::store {

/// CRC-32C of `bytes`, continuing from `before`, the checksum of the bytes ahead of them.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

}  // namespace pennypost::store
