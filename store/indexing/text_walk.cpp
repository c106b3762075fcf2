#include "store/indexing/text_walk.h"

#include <algorithm>

#include "common/base/text.h"

namespace pennypost::store {
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

TextWalk::TextWalk(std::string message, Headers headers) : message_(std::move(message)) {
  list(parse_mime(message_), headers);
}

void TextWalk::list(const MimePart& part, Headers headers) {
  auto text = std::string_view(message_);
  if (headers == Headers::With) {
    if (part.disposition) {
      auto name = find_parameter_utf8(part.disposition->parameters, "filename");
      if (name) file_names_.push_back(*std::move(name));
    }
    if (auto name = part.type_parameter("name")) file_names_.push_back(*std::move(name));
    auto header = text.substr(part.header.offset, part.header.bytes);
    stretches_.push_back({true, header, TransferEncoding::Identity, ""});
  }
  if (part.kind == MimePart::Kind::Leaf && part.is_text()) {
    auto body = text.substr(part.body.offset, part.body.bytes);
    stretches_.push_back({false, body, part.transfer_encoding(), part.charset()});
  }
  bool is_attached = part.kind == MimePart::Kind::Leaf && !part.is_text();
  if (headers == Headers::With && is_attached && attachments_.size() < attachments_max) {
    attachments_.push_back({lower(part.type + "/" + part.subtype),
                            text.substr(part.body.offset, part.body.bytes),
                            part.transfer_encoding()});
  }
  for (const auto& child : part.children) list(child, headers);
}

std::int64_t TextWalk::step(TextSink& sink) {
  cost_ = 0;
  if (is_done()) return cost_;
  if (!fields_ && !part_) begin();
  if (fields_) {
    next_field(sink);
  } else {
    next_piece(sink);
  }
  return cost_;
}

void TextWalk::begin() {
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

void TextWalk::finish() {
  fields_.reset();
  part_.reset();
  ++at_;
}

void TextWalk::next_field(TextSink& sink) {
  if (fields_->next == std::default_sentinel) return finish();
  const auto& field = *fields_->next;
  cost_ += field_cost + static_cast<std::int64_t>(field.whole.size());
  auto line = with_single_blanks(std::string(field.name) + ": " + decode_words(field.value()));
  sink.field(field, line);
  ++fields_->next;
}

void TextWalk::next_piece(TextSink& sink) {
  auto piece = part_->rest.substr(0, piece_octets);
  part_->rest.remove_prefix(piece.size());
  cost_ += static_cast<std::int64_t>(piece.size());
  std::string octets;
  std::string utf8;
  part_->octets.feed(piece, octets);
  if (part_->rest.empty()) part_->octets.finish(octets);
  part_->characters.feed(octets, utf8);
  if (part_->rest.empty()) part_->characters.finish(utf8);
  sink.body(utf8);
  if (!part_->rest.empty()) return;
  sink.end_body();
  finish();
}

}  // namespace pennypost::store
