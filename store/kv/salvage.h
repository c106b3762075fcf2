// Opens a database that may be damaged, salvages what can be read, and reports what is missing.
//
// open_or_salvage() acts like open() if nothing is wrong, and also after a power cut, which leaves
// at most an unfinished, never acknowledged write at the log's end. Otherwise the directory is kept
// as DIRECTORY.damaged-SECONDS, and what can be read is copied:
// 1. the logs' batches (log_file.h: one wrong byte is repaired, more cost the entries they hit);
// 2. the table files, by RocksDB's own repair where the list of files itself is damaged;
// 3. each value's guard is checked; what fails is reported and erased.
//
// One rename replaces the old directory by the new one, so a crash in between costs nothing.
//
// SEE ALSO   database.h (open), log_file.h
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "store/kv/database.h"

namespace pennypost::store {

/// What a salvage found. An entry stands for a put or an erasure.
struct Loss {
  std::string cause;                 ///< what open() said
  std::filesystem::path copy;        ///< where the damaged files are kept
  std::vector<std::string> keys;     ///< keys of lost entries
  std::uint64_t unnamed = 0;         ///< lost entries whose keys are unknown
  std::size_t repaired = 0;          ///< places that were repaired exactly
  std::vector<std::string> places;   ///< `FILE at octet N` of the logs' damaged places
  bool table_files_damaged = false;  ///< entries of table files may be missing without a trace

  bool is_certain_to_be_nothing() const {
    return keys.empty() && unnamed == 0 && !table_files_damaged;
  }
  /// One line for the log: the cause, the counts, the places, and where the copy is.
  std::string text() const;
};

struct Salvaged {
  Database database;
  std::optional<Loss> loss;  ///< nothing if all was well
};

/// Like Database::open, but salvages a damaged database. One process does so at a time, among those
/// that open a database in the same directory above. Errors: Locked, Full (a salvage needs
/// space for a second log), Failed, and Damaged if even the salvage fails, which leaves the
/// directory unchanged.
Result<Salvaged> open_or_salvage(const std::filesystem::path& directory, const Profile& profile,
                                 const Clock& clock = Clock::system());

}  // namespace pennypost::store
