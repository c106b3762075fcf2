#include "imapd/search/text_reading.h"

#include <utility>

namespace pennypost::imap {
namespace {

constexpr std::uint64_t message_octets_max = 1ull << 30;
// How much of a message is read, or searched, at a time.
constexpr std::uint64_t piece_octets = 256 << 10;

}  // namespace

std::uint64_t TextReading::advance(std::optional<store::MessageReader>& reader, const KeySet& keys,
                                   TextScan::Asked asked) {
  if (scan_) return static_cast<std::uint64_t>(scan_->advance(piece_octets));
  auto piece = next_piece(*reader);
  if (!piece || text_.size() + piece->size() > message_octets_max) {
    has_failed_ = true;
    return 0;
  }
  auto octets = piece->size();
  text_ += *piece;
  // A smaller piece is the last one.
  if (octets < piece_octets) {
    scan_ = std::make_unique<TextScan>(keys, std::move(text_), asked);
    reader.reset();
  }
  return octets;
}

Result<std::string> TextReading::next_piece(store::MessageReader& reader) const {
  // With CRLF line ends it is at most twice as large.
  if (reader.stored_bytes() < piece_octets / 2) return reader.all();
  return reader.read(text_.size(), piece_octets);
}

}  // namespace pennypost::imap
