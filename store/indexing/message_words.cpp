#include "store/indexing/message_words.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/mail/unicode.h"
#include "store/indexing/header_scan.h"

namespace pennypost::store {
namespace {

// What it costs to run a program, in octets of text.
constexpr std::int64_t program_cost = 1 << 20;

// The fields with a key of their own, which has the index answer for that field alone.
struct FieldRow {
  std::string_view name;
  HeaderKeys::In where;
  WordPlace place;
};
constexpr FieldRow field_rows[] = {
    {"Bcc", HeaderKeys::In::Addresses, WordPlace::Bcc},
    {"Cc", HeaderKeys::In::Addresses, WordPlace::Cc},
    {"From", HeaderKeys::In::Addresses, WordPlace::From},
    {"Subject", HeaderKeys::In::Text, WordPlace::Subject},
    {"To", HeaderKeys::In::Addresses, WordPlace::To},
};

}  // namespace

MessageWords::MessageWords(TermTable& table, std::string message, std::uint64_t octets_max,
                           AttachmentDecoder decoder)
    : table_(table),
      walk_(std::move(message), TextWalk::Headers::With),
      body_(table, WordPlace::Body),
      decoder_(std::move(decoder)),
      octets_left_(octets_max) {
  table_.clear();
  for (const auto& name : walk_.file_names()) add_to(WordPlace::FileName, casefold(name));
}

std::int64_t MessageWords::advance(std::int64_t octets) {
  std::int64_t cost = 0;
  while (cost < octets && !is_done()) {
    if (walk_.is_done()) {
      cost += add_attachment(walk_.attachments()[at_++]);
      continue;
    }
    auto one = walk_.step(*this);
    auto spent = static_cast<std::uint64_t>(one);
    is_cut_ = spent > octets_left_ && !walk_.is_done();
    octets_left_ -= std::min(octets_left_, spent);
    cost += one;
  }
  return cost;
}

// Its words are those of the body: SEARCH then reads a message that holds none, which is no harm.
std::int64_t MessageWords::add_attachment(const TextWalk::Attachment& attachment) {
  std::string octets;
  BodyDecoder body(attachment.encoding);
  body.feed(attachment.body, octets);
  body.finish(octets);
  auto text = attachment_text(decoder_, attachment.media_type, octets, octets_left_);
  octets_left_ -= std::min<std::uint64_t>(octets_left_, text.size());
  add_text(WordPlace::Body, text);
  return program_cost + static_cast<std::int64_t>(octets.size());
}

void MessageWords::add_to(WordPlace place, std::string_view folded) {
  WordCutter cutter(table_, place);
  cutter.feed(folded);
  cutter.end_text();
}

// As SEARCH folds it, in pieces: a very long text would differ.
void MessageWords::add_text(WordPlace place, std::string_view utf8) {
  auto folded = folder_.feed(utf8);
  folded += folder_.finish();
  add_to(place, folded);
}

void MessageWords::field(const HeaderField& field, std::string_view line) {
  add_text(WordPlace::Header, line);
  for (const auto& row : field_rows) {
    if (!equal_nocase(row.name, field.name)) continue;
    for (const auto& text : HeaderKeys::texts_of(field, row.where)) add_text(row.place, text);
  }
}

void MessageWords::body(std::string_view utf8) { body_.feed(folder_.feed(utf8)); }

void MessageWords::end_body() {
  body_.feed(folder_.finish());
  body_.end_text();
}

}  // namespace pennypost::store
