#include "imapd/search/message_words.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/mail/unicode.h"
#include "imapd/search/attachment_text.h"

namespace pennypost::imap {
namespace {

using store::WordPlace;

struct FieldRow {
  std::string_view name;
  WordPlace place;
};
// What it costs to run a program, in octets of text.
constexpr std::int64_t program_cost = 1 << 20;
constexpr FieldRow field_rows[] = {
    {"Bcc", WordPlace::Bcc}, {"Cc", WordPlace::Cc},           {"From", WordPlace::From},
    {"To", WordPlace::To},   {"Subject", WordPlace::Subject},
};

}  // namespace

MessageWords::MessageWords(store::TermTable& table, std::string message, std::uint64_t octets_max,
                           std::string decoder)
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
  auto folded = folder_.feed(text);
  folded += folder_.finish();
  add_to(WordPlace::Body, folded);
  return program_cost + static_cast<std::int64_t>(octets.size());
}

void MessageWords::add_to(WordPlace place, std::string_view folded) {
  store::WordCutter cutter(table_, place);
  cutter.feed(folded);
  cutter.end_text();
}

void MessageWords::field(std::string_view name, std::string_view line) {
  // As SEARCH folds it, in pieces: a very long field would differ.
  auto folded = folder_.feed(line);
  folded += folder_.finish();
  add_to(WordPlace::Header, folded);
  for (const auto& row : field_rows) {
    if (!equal_nocase(row.name, name)) continue;
    add_to(row.place, std::string_view(folded).substr(std::min(folded.size(), name.size() + 1)));
  }
}

void MessageWords::body(std::string_view utf8) { body_.feed(folder_.feed(utf8)); }

void MessageWords::end_body() {
  body_.feed(folder_.finish());
  body_.end_text();
}

}  // namespace pennypost::imap
