#include "imapd/command/pattern.h"

#include <algorithm>

#include "common/base/text.h"

namespace pennypost::imap {
namespace {

constexpr std::string_view inbox = "INBOX";
constexpr std::size_t word_bits = 64;
// No name is longer than a path may be.
constexpr std::size_t literals_max = 4096;

bool is_wild(char c) { return c == '*' || c == '%'; }

// Wildcards in a row are one: `*` where any of them is.
std::string simplified(std::string_view pattern) {
  std::string out;
  for (char c : pattern) {
    if (is_wild(c) && !out.empty() && is_wild(out.back())) {
      if (c == '*') out.back() = '*';
    } else {
      out += c;
    }
  }
  return out;
}

// How many of a name's first letters match in either case: those of a first level INBOX.
std::size_t caseless(std::string_view name, char separator) {
  bool is_inbox =
      name.starts_with(inbox) && (name.size() == inbox.size() || name[inbox.size()] == separator);
  return is_inbox ? inbox.size() : 0;
}

std::size_t octet(char c) { return static_cast<unsigned char>(c); }

void add(std::uint64_t* set, std::size_t place) {
  set[place / word_bits] |= std::uint64_t{1} << place % word_bits;
}

}  // namespace

ListPattern::ListPattern(std::string_view reference, std::string_view pattern, char separator)
    : separator_(separator) {
  auto text = simplified(std::string(reference) + std::string(pattern));
  literal_ = text.substr(0, text.find_first_of("*%"));
  literals_ =
      static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return !is_wild(c); }));
  if (literals_ <= literals_max) compile(text);
}

void ListPattern::compile(std::string_view text) {
  size_ = text.size();
  words_ = size_ / word_bits + 1;
  for (auto* places : {&wild_, &stars_, &sets_}) places->resize(words_);
  for (std::size_t place = 0; place < size_; ++place) {
    char c = text[place];
    if (is_wild(c)) add(wild_.data(), place);
    if (c == '*') add(stars_.data(), place);
    if (is_wild(c)) continue;
    add(&sets_[set_of(c)], place);
  }
  for (std::size_t i = 0; i < any_case_at_.size(); ++i) {
    char c = static_cast<char>(i);
    auto upper = set_at_[octet(to_upper(c))];
    auto lower = set_at_[octet(to_lower(c))];
    any_case_at_[i] = upper != 0 ? upper : lower;
    if (upper == 0 || lower == 0 || upper == lower) continue;
    any_case_at_[i] = static_cast<std::uint16_t>(sets_.size() / words_);
    sets_.resize(sets_.size() + words_);
    for (std::size_t w = 0; w < words_; ++w) {
      sets_[any_case_at_[i] * words_ + w] = sets_[upper * words_ + w] | sets_[lower * words_ + w];
    }
  }
}

// Where in sets_ the octet's begins.
std::size_t ListPattern::set_of(char c) {
  auto& at = set_at_[octet(c)];
  if (at == 0) {
    at = static_cast<std::uint16_t>(sets_.size() / words_);
    sets_.resize(sets_.size() + words_);
  }
  return at * words_;
}

const ListPattern::Word* ListPattern::set(char c, bool in_any_case) const {
  return &sets_[(in_any_case ? any_case_at_ : set_at_)[octet(c)] * words_];
}

// A wildcard may stand for nothing: who is there is behind it as well. No two are in a row.
void ListPattern::close(std::vector<Word>& places) const {
  Word carry = 0;
  for (std::size_t w = 0; w < words_; ++w) {
    auto passed = places[w] & wild_[w];
    places[w] |= passed << 1 | carry;
    carry = passed >> (word_bits - 1);
  }
}

// False when nothing can match any more.
bool ListPattern::step(std::vector<Word>& places, char c, bool in_any_case) const {
  const auto* here = set(c, in_any_case);
  const auto& stays = c == separator_ ? stars_ : wild_;
  Word carry = 0;
  Word any = 0;
  for (std::size_t w = 0; w < words_; ++w) {
    auto moved = places[w] & here[w];
    places[w] = moved << 1 | carry | (places[w] & stays[w]);
    carry = moved >> (word_bits - 1);
    any |= places[w];
  }
  if (any != 0) close(places);
  return any != 0;
}

bool ListPattern::matches(std::string_view name) const {
  if (words_ == 0 || literals_ > name.size()) return false;
  auto inbox_bytes = caseless(name, separator_);
  std::vector<Word> places(words_);
  places[0] = 1;
  close(places);
  for (std::size_t n = 0; n < name.size(); ++n) {
    if (!step(places, name[n], n < inbox_bytes)) return false;
  }
  return (places[size_ / word_bits] >> size_ % word_bits & 1) != 0;
}

std::vector<std::string> parents(std::string_view name, char separator) {
  std::vector<std::string> out;
  for (auto at = name.find(separator); at != std::string_view::npos;
       at = name.find(separator, at + 1)) {
    out.emplace_back(name.substr(0, at));
  }
  return out;
}

}  // namespace pennypost::imap
