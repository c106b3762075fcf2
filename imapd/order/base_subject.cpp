#include "imapd/order/base_subject.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/mail/encoded.h"
#include "common/mail/unicode.h"

namespace pennypost::imap {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }

void skip_blanks(std::string_view& text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
}

// subj-blob: `[…]` without brackets in it, and the blanks behind.
bool skip_blob(std::string_view& text) {
  if (!text.starts_with('[')) return false;
  auto end = text.find_first_of("[]", 1);
  if (end == std::string_view::npos || text[end] != ']') return false;
  text.remove_prefix(end + 1);
  skip_blanks(text);
  return true;
}

// subj-refwd: `re`, `fw` or `fwd`, perhaps a blob, and a colon.
bool skip_reply_mark(std::string_view& text) {
  auto rest = text;
  for (std::string_view word : {"re", "fwd", "fw"}) {
    if (!starts_with_nocase(text, word)) continue;
    rest.remove_prefix(word.size());
    skip_blanks(rest);
    skip_blob(rest);
    if (!rest.starts_with(':')) return false;
    text = rest.substr(1);
    return true;
  }
  return false;
}

// subj-leader: a blank, or a mark with any number of blobs before it.
bool skip_leader(std::string_view& text, bool& is_reply) {
  if (!text.empty() && is_blank(text.front())) {
    skip_blanks(text);
    return true;
  }
  auto rest = text;
  while (skip_blob(rest)) {
  }
  if (!skip_reply_mark(rest)) return false;
  is_reply = true;
  text = rest;
  return true;
}

void drop_trailers(std::string_view& text, bool& is_reply) {
  constexpr std::string_view forwarded = "(fwd)";
  for (;;) {
    if (!text.empty() && is_blank(text.back())) {
      text.remove_suffix(1);
    } else if (text.size() >= forwarded.size() &&
               equal_nocase(text.substr(text.size() - forwarded.size()), forwarded)) {
      text.remove_suffix(forwarded.size());
      is_reply = true;
    } else {
      return;
    }
  }
}

// Step 4: a blob in front goes too, unless it is all there is.
bool drop_blob(std::string_view& text) {
  auto rest = text;
  if (!skip_blob(rest) || rest.empty()) return false;
  text = rest;
  return true;
}

// Step 6.
bool unwrap_forward(std::string_view& text, bool& is_reply) {
  constexpr std::string_view head = "[fwd:";
  if (!starts_with_nocase(text, head) || !text.ends_with(']')) return false;
  text.remove_prefix(head.size());
  text.remove_suffix(1);
  is_reply = true;
  return true;
}

std::string with_single_spaces(std::string text) {
  for (char& c : text) {
    if (c == '\t' || c == '\r' || c == '\n') c = ' ';
  }
  auto is_second = [](char a, char b) { return a == ' ' && b == ' '; };
  text.erase(std::unique(text.begin(), text.end(), is_second), text.end());
  return text;
}

}  // namespace

BaseSubject base_subject(std::string_view field) {
  BaseSubject subject;
  auto decoded = with_single_spaces(decode_words(field));
  std::string_view text = decoded;
  do {
    drop_trailers(text, subject.is_reply);
    while (skip_leader(text, subject.is_reply) || drop_blob(text)) {
    }
  } while (unwrap_forward(text, subject.is_reply));
  subject.text = text;
  return subject;
}

std::string collation_key(std::string_view utf8) {
  auto key = casefold(utf8);
  for (char& c : key) c = to_upper(c);
  return key;
}

}  // namespace pennypost::imap
