// Knows which messages of a folder are in the index of words, and under which number.
//
// Their list is kept in the index itself, in blocks of 1024 UIDs, so that it changes together with
// what it lists:
//
//   Ffolder/uidvalidity/block   (UID's distance, document's distance << 1 | is cut)*, as varints
//
// where folder is a digest of the folder's id, and uidvalidity and block are eight hexadecimal
// digits. A distance is from the entry before; that of documents may be negative and is zigzag
// encoded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/mailbox/message.h"

namespace pennypost::store {

/// A folder as the index knows it. Messages are known by their UIDs in it.
struct WordFolder {
  /// Mailbox::id(), or a name where folders have no ids.
  std::string id;
  std::uint32_t uid_validity = 0;
};

/// A message that is in the index.
struct WordEntry {
  Uid uid{0};
  std::uint32_t document = 0;
  /// It was too long: it may have words that are not in the index.
  bool is_cut = false;
  friend bool operator==(const WordEntry&, const WordEntry&) = default;
};

inline constexpr std::uint32_t entries_per_block = 1024;
inline std::uint32_t block_of(Uid uid) { return uid.value() / entries_per_block; }

/// The keys of a folder's blocks begin with the first, those of its UIDVALIDITY with the second.
std::string folder_key(const WordFolder& folder);
std::string blocks_key(const WordFolder& folder);
std::string block_key(const WordFolder& folder, std::uint32_t block);

/// `entries` are ascending by UID.
std::string encode_entries(const std::vector<WordEntry>& entries);
/// Nothing for what can't be a block.
std::optional<std::vector<WordEntry>> decode_entries(std::string_view text);

}  // namespace pennypost::store
