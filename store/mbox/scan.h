// Finds the messages in an open mbox and reads their metadata fields.
//
// SEE ALSO   format.h (the lines)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "store/mbox/format.h"

namespace pennypost::store {

struct MboxEntry {
  std::uint64_t from_offset = 0;    ///< of the From_ line
  std::uint64_t header_offset = 0;  ///< after the From_ line
  std::uint64_t body_offset = 0;    ///< after the empty line that ends the header
  std::uint64_t end_offset = 0;     ///< of the body, before the empty line that separates
  std::uint64_t next_offset = 0;    ///< of the next From_ line, or the file's end
  std::int64_t date = 0;            ///< of the From_ line
  std::uint64_t octets = 0;         ///< as shown, with CRLF
  MboxMeta meta;
  std::optional<MboxBase> base;
};

/// Reads the whole file once. 451 Corruption when it does not begin as an mbox.
Result<std::vector<MboxEntry>> scan_mbox(int descriptor, const std::string& path,
                                         std::size_t messages_max);

/// A message as shown: without our fields, unquoted, LF line ends as stored.
Result<std::string> shown_message(int descriptor, const MboxEntry& entry, const std::string& path);
/// Its header lines without our fields and without the empty line.
Result<std::string> shown_header(int descriptor, const MboxEntry& entry, const std::string& path);

/// The line ends to append before a new message can begin at the end of the file.
Result<std::string> missing_line_ends(int descriptor, const std::string& path);

}  // namespace pennypost::store
