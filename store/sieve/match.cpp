// Folds where the comparator asks for it, and finds wildcards with one level of backtracking.
#include "store/sieve/match.h"

#include "common/base/text.h"
#include "common/mail/unicode.h"
#include "store/sieve/limits.h"
#include "store/sieve/utf8.h"

namespace pennypost::store::sieve {
namespace {

/// The digits at the front without leading zeros; nothing if there are none: infinity.
std::optional<std::string_view> leading_number(std::string_view text) {
  std::size_t digits = 0;
  while (digits < text.size() && is_digit(text[digits])) ++digits;
  if (digits == 0) return std::nullopt;
  text = text.substr(0, digits);
  text.remove_prefix(std::min(text.find_first_not_of('0'), text.size()));
  return text;
}

std::strong_ordering order(std::string_view a, std::string_view b) { return a.compare(b) <=> 0; }

std::strong_ordering compare_numbers(std::string_view a, std::string_view b) {
  auto left = leading_number(a);
  auto right = leading_number(b);
  if (!left || !right) return right.has_value() <=> left.has_value();
  if (left->size() != right->size()) return left->size() <=> right->size();
  return order(*left, *right);
}

std::strong_ordering compare_folding_ascii(std::string_view a, std::string_view b) {
  auto size = std::min(a.size(), b.size());
  for (std::size_t i = 0; i < size; ++i) {
    auto left = static_cast<unsigned char>(to_upper(a[i]));
    auto right = static_cast<unsigned char>(to_upper(b[i]));
    if (left != right) return left <=> right;
  }
  return a.size() <=> b.size();
}

/// A text that is matched, and where each of its octets comes from in the original.
struct Subject {
  std::string_view original;
  std::string folded;
  std::vector<std::size_t> origins;  // empty: the same offsets

  std::string_view text() const { return origins.empty() ? original : folded; }
  std::string_view piece(std::size_t begin, std::size_t end) const {
    if (origins.empty()) return original.substr(begin, end - begin);
    return original.substr(origins[begin], origins[end] - origins[begin]);
  }
};

/// Character by character, so that what wildcards match can be told in the original.
Subject casefolded(std::string_view text) {
  Subject subject;
  subject.original = text;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at + 1;
    while (end < text.size() && continues_character(text[end])) ++end;
    subject.folded += casefold(text.substr(at, end - at));
    subject.origins.resize(subject.folded.size(), at);
    at = end;
  }
  subject.origins.push_back(text.size());
  return subject;
}

struct Wild {
  enum class Kind : std::uint8_t { Octet, One, Any };
  Kind kind = Kind::Octet;
  char octet = 0;
};

std::vector<Wild> parsed(std::string_view pattern) {
  std::vector<Wild> out;
  out.reserve(pattern.size());
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '*') {
      out.push_back({Wild::Kind::Any});
    } else if (pattern[i] == '?') {
      out.push_back({Wild::Kind::One});
    } else {
      if (pattern[i] == '\\' && i + 1 < pattern.size()) ++i;
      out.push_back({Wild::Kind::Octet, pattern[i]});
    }
  }
  return out;
}

class WildcardMatch {
 public:
  WildcardMatch(const Subject& subject, std::vector<Wild> pattern, Comparator comparator)
      : subject_(subject),
        text_(subject.text()),
        pattern_(std::move(pattern)),
        is_octet_(comparator == Comparator::Octet),
        folds_(comparator == Comparator::AsciiCasemap) {}

  bool run() {
    while (true) {
      if (next_ < pattern_.size() && pattern_[next_].kind == Wild::Kind::Any) {
        last_any_ = next_++;
        any_begin_ = any_end_ = at_;
        any_capture_ = captures_.size();
        captures_.push_back({at_, at_});
      } else if (at_ == text_.size() && next_ == pattern_.size()) {
        return true;
      } else if (!step() && !widen()) {
        return false;
      }
    }
  }

  void tell(std::vector<std::string>& captures) const {
    captures.assign(1, std::string(subject_.original));
    for (auto [begin, end] : captures_) {
      if (captures.size() == match_variables_max) break;
      captures.emplace_back(subject_.piece(begin, end));
    }
  }

 private:
  struct Range {
    std::size_t begin;
    std::size_t end;
  };

  /// Takes one octet or character of the text; false if it does not fit.
  bool step() {
    if (at_ == text_.size() || next_ == pattern_.size()) return false;
    if (pattern_[next_].kind == Wild::Kind::Octet) {
      char a = text_[at_];
      char b = pattern_[next_].octet;
      if (a != b && !(folds_ && to_lower(a) == to_lower(b))) return false;
      ++at_;
    } else {
      if (!is_octet_ && continues_character(text_[at_])) return false;
      std::size_t begin = at_++;
      while (!is_octet_ && at_ < text_.size() && continues_character(text_[at_])) ++at_;
      captures_.push_back({begin, at_});
    }
    ++next_;
    return true;
  }

  /// Lets the last `*` take one octet more.
  bool widen() {
    if (!last_any_ || any_end_ == text_.size()) return false;
    at_ = ++any_end_;
    next_ = *last_any_ + 1;
    captures_.resize(any_capture_);
    captures_.push_back({any_begin_, any_end_});
    return true;
  }

  const Subject& subject_;
  std::string_view text_;
  std::vector<Wild> pattern_;
  bool is_octet_;
  bool folds_;
  std::size_t at_ = 0;
  std::size_t next_ = 0;
  std::optional<std::size_t> last_any_;
  std::size_t any_begin_ = 0;
  std::size_t any_end_ = 0;
  std::size_t any_capture_ = 0;
  std::vector<Range> captures_;
};

}  // namespace

std::strong_ordering compare(Comparator comparator, std::string_view a, std::string_view b) {
  switch (comparator) {
    case Comparator::AsciiCasemap:
      return compare_folding_ascii(a, b);
    case Comparator::UnicodeCasemap:
      return order(casefold(a), casefold(b));
    case Comparator::AsciiNumeric:
      return compare_numbers(a, b);
    case Comparator::Octet:
      break;
  }
  return order(a, b);
}

bool holds(Relation relation, std::strong_ordering order) {
  switch (relation) {
    case Relation::Equal:
      return order == 0;
    case Relation::NotEqual:
      return order != 0;
    case Relation::Greater:
      return order > 0;
    case Relation::GreaterEqual:
      return order >= 0;
    case Relation::Less:
      return order < 0;
    case Relation::LessEqual:
      break;
  }
  return order <= 0;
}

bool contains(Comparator comparator, std::string_view text, std::string_view key) {
  if (comparator == Comparator::UnicodeCasemap) {
    return casefold(text).find(casefold(key)) != std::string::npos;
  }
  if (comparator == Comparator::Octet) return text.find(key) != std::string_view::npos;
  return find_nocase(text, key) != std::string_view::npos;
}

bool matches_wildcards(Comparator comparator, std::string_view text, std::string_view pattern,
                       std::vector<std::string>* captures) {
  bool folds = comparator == Comparator::UnicodeCasemap;
  Subject subject;
  subject.original = text;
  if (folds) subject = casefolded(text);
  WildcardMatch match(subject, parsed(folds ? casefold(pattern) : std::string(pattern)),
                      comparator);
  if (!match.run()) return false;
  if (captures != nullptr) match.tell(*captures);
  return true;
}

}  // namespace pennypost::store::sieve
