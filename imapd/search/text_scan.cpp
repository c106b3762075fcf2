#include "imapd/search/text_scan.h"

#include <algorithm>

namespace pennypost::imap {
namespace {

constexpr std::size_t piece_octets = 65536;
// What it takes to begin a stretch (a charset's tables are looked up), and to take a field apart.
constexpr std::int64_t stretch_cost = 2048;
constexpr std::int64_t field_cost = 64;

}  // namespace

std::string with_single_blanks(std::string text) {
  std::ranges::replace(text, '\t', ' ');
  auto is_second = [](char a, char b) { return a == ' ' && b == ' '; };
  text.erase(std::unique(text.begin(), text.end(), is_second), text.end());
  return text;
}

TextScan::TextScan(const KeySet& keys, std::string message, Asked asked)
    : message_(std::move(message)), body_(keys), headers_(keys), asked_(asked) {
  list(parse_mime(message_), asked != Asked::Body);
}

void TextScan::list(const MimePart& part, bool with_headers) {
  auto text = std::string_view(message_);
  if (with_headers) {
    auto header = text.substr(part.header.offset, part.header.bytes);
    stretches_.push_back({true, header, TransferEncoding::Identity, ""});
  }
  if (part.kind == MimePart::Kind::Leaf && part.is_text()) {
    auto body = text.substr(part.body.offset, part.body.bytes);
    stretches_.push_back({false, body, part.transfer_encoding(), part.charset()});
  }
  for (const auto& child : part.children) list(child, with_headers);
}

std::int64_t TextScan::advance(std::int64_t octets) {
  cost_ = 0;
  while (cost_ < octets && !is_done()) {
    if (!fields_ && !part_) begin();
    if (fields_) {
      next_field();
    } else {
      next_piece();
    }
  }
  return cost_;
}

void TextScan::begin() {
  cost_ += stretch_cost;
  const auto& stretch = stretches_[at_];
  if (stretch.is_header) {
    fields_.emplace(stretch.text);
    return;
  }
  auto charset = CharsetDecoder::make(stretch.charset);
  if (!charset) charset = CharsetDecoder::make("");
  part_.emplace(stretch.text, stretch.encoding, *std::move(charset));
}

void TextScan::finish() {
  fields_.reset();
  part_.reset();
  ++at_;
}

void TextScan::next_field() {
  if (fields_->next == std::default_sentinel) return finish();
  const auto& field = *fields_->next;
  cost_ += field_cost + static_cast<std::int64_t>(field.whole.size());
  auto& scan = asked_ == Asked::Text ? body_ : headers_;
  scan.feed(with_single_blanks(std::string(field.name) + ": " + decode_words(field.value())));
  scan.end_text();
  ++fields_->next;
}

void TextScan::next_piece() {
  auto piece = part_->rest.substr(0, piece_octets);
  part_->rest.remove_prefix(piece.size());
  cost_ += static_cast<std::int64_t>(piece.size());
  std::string octets;
  std::string utf8;
  part_->octets.feed(piece, octets);
  if (part_->rest.empty()) part_->octets.finish(octets);
  part_->characters.feed(octets, utf8);
  if (part_->rest.empty()) part_->characters.finish(utf8);
  body_.feed(utf8);
  if (!part_->rest.empty()) return;
  body_.end_text();
  finish();
}

}  // namespace pennypost::imap
