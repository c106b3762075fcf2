// Describes the MIME parts of a message: BODY and BODYSTRUCTURE, and where each part's octets lie.
//
// A Structure is all that FETCH needs to know of a message's parts, and the index keeps it beside
// the message: encode() writes it as a text, decode_structure() reads that. Offsets count octets
// with CRLF line ends.
//
// STANDARDS  RFC 9051 section 7.5.2 (BODYSTRUCTURE), section 6.4.5.1 (part numbers)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/mail/mime.h"
#include "imapd/grammar/fetch.h"

namespace pennypost::imap {

/// A stretch of a message's octets.
struct OctetRange {
  std::uint64_t offset = 0;
  std::uint64_t octets = 0;
  friend bool operator==(const OctetRange&, const OctetRange&) = default;
};

struct Structure {
  /// With their parentheses.
  std::string body;
  std::string body_structure;
  /// Only kinds, extents and children are filled.
  MimePart tree;
};

/// `message` has CRLF line ends.
Structure structure_of(std::string_view message);

std::string encode(const Structure& structure);
/// Nothing if the text is not what encode() of this version gives.
std::optional<Structure> decode_structure(std::string_view text);

/// The octets that a section names, for HeaderFields those of the header they stand in; nothing if
/// the message has no such part.
std::optional<OctetRange> locate(const Structure& structure, const Section& section);

}  // namespace pennypost::imap
