// Remembers which messages of a folder were expunged, so that a client that comes back learns of
// them and need not list the mailbox again.
//
//   'x' id modseq   ->   *( first32 last32 )      UIDs expunged with it, as ranges
//
// Of each folder `history_bytes_max` are kept. When there are more, the older half becomes one
// record under its last mod-sequence: UIDs that are neighbours then take no more than one, and a
// client that asks for a time within it is told of some more than it needs, which is allowed. If it
// is large all the same it is forgotten, and whoever asks for so long ago learns nothing.
//
// STANDARDS  RFC 7162 sections 3.2.6 and 5.3
// SEE ALSO   index.h (who keeps it)
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "store/kv/database.h"
#include "store/mailbox/message.h"

namespace pennypost::store {

inline constexpr std::size_t history_bytes_max = 128 << 10;

struct History {
  /// All that was expunged after this mod-sequence is kept; 0: nothing is kept yet.
  std::uint64_t begin = 0;
  /// What the records take.
  std::uint32_t bytes = 0;
};

/// The beginning of the keys of a folder.
std::string history_prefix(std::uint64_t folder_id);

/// Adds to `batch` that `gone`, which ascend, were expunged with `modseq`, the greatest so far.
void add_history(const Database& database, Batch& batch, std::uint64_t folder_id, History& history,
                 std::uint64_t modseq, std::span<const Uid> gone);

/// The UIDs expunged after `since`, ascending. Errors are the database's.
Result<std::vector<Uid>> read_history(const Database& database, std::uint64_t folder_id,
                                      std::uint64_t since);

}  // namespace pennypost::store
