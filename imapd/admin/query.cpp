#include "imapd/admin/query.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>

#include "common/base/text.h"
#include "common/mail/date.h"
#include "imapd/command/pattern.h"

namespace pennypost::imap {
namespace {

constexpr std::int64_t seconds_per_day = 86400;

// What stands behind a word of the query.
enum class Takes { Text, TwoTexts, Mailbox, Id, Day, Number, Age };
struct KeyWord {
  std::string_view name;
  Takes takes;
};
constexpr std::array key_words{
    KeyWord{"BCC", Takes::Text},        KeyWord{"BEFORE", Takes::Day},
    KeyWord{"BODY", Takes::Text},       KeyWord{"CC", Takes::Text},
    KeyWord{"FROM", Takes::Text},       KeyWord{"HEADER", Takes::TwoTexts},
    KeyWord{"LARGER", Takes::Number},   KeyWord{"MAILBOX", Takes::Mailbox},
    KeyWord{"MAILBOX-GUID", Takes::Id}, KeyWord{"OLDER", Takes::Age},
    KeyWord{"ON", Takes::Day},          KeyWord{"SAVEDBEFORE", Takes::Day},
    KeyWord{"SAVEDON", Takes::Day},     KeyWord{"SAVEDSINCE", Takes::Day},
    KeyWord{"SENTBEFORE", Takes::Day},  KeyWord{"SENTON", Takes::Day},
    KeyWord{"SENTSINCE", Takes::Day},   KeyWord{"SINCE", Takes::Day},
    KeyWord{"SMALLER", Takes::Number},  KeyWord{"SUBJECT", Takes::Text},
    KeyWord{"TEXT", Takes::Text},       KeyWord{"TO", Takes::Text},
    KeyWord{"YOUNGER", Takes::Age},
};
static_assert(std::ranges::is_sorted(key_words, {}, &KeyWord::name));

const KeyWord* find_key(std::string_view word) {
  auto name = upper(word);
  auto found = std::ranges::lower_bound(key_words, std::string_view(name), {}, &KeyWord::name);
  return found != key_words.end() && found->name == name ? &*found : nullptr;
}

// A number with one letter behind it that says what it counts; nothing: it is none.
struct Unit {
  char letter;
  std::uint64_t factor;
};
std::optional<std::uint64_t> counted(std::string_view word, std::span<const Unit> units) {
  if (word.empty()) return std::nullopt;
  auto unit = std::ranges::find(units, to_lower(word.back()), &Unit::letter);
  if (unit == units.end()) return std::nullopt;
  auto number = parse_number(word.substr(0, word.size() - 1));
  // No mailbox is older, and no message larger.
  if (!number || *number > UINT32_MAX) return std::nullopt;
  return *number * unit->factor;
}
std::optional<std::uint64_t> age_of(std::string_view word) {
  constexpr std::array units{Unit{'s', 1}, Unit{'m', 60}, Unit{'h', 3600}, Unit{'d', 86400},
                             Unit{'w', 604800}};
  return counted(word, units);
}
std::optional<std::uint64_t> size_of(std::string_view word) {
  constexpr std::array units{Unit{'b', 1}, Unit{'k', 1 << 10}, Unit{'m', 1 << 20},
                             Unit{'g', 1 << 30}};
  return counted(word, units);
}

// `2024-01-31`.
std::optional<std::int64_t> day_of_iso(std::string_view word) {
  auto parts = split(word, '-');
  if (parts.size() != 3 || parts[0].size() != 4) return std::nullopt;
  auto year = parse_number(parts[0]);
  auto month = parse_number(parts[1]);
  auto day = parse_number(parts[2]);
  if (!year || !month || !day || *month > 12 || *day > 31) return std::nullopt;
  std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                   std::chrono::month(static_cast<unsigned>(*month)),
                                   std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count();
}

std::string imap_date(std::int64_t day) {
  auto text = format_imap_date_time({day * seconds_per_day, 0});
  return std::string(trim(std::string_view(text).substr(0, text.find(' ', 1))));
}

bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return is_ascii(c) && !is_control(c); });
}

// A text as the grammar has it: quoted, or as a literal.
std::string as_string(std::string_view text) {
  if (!is_plain(text)) return "{" + std::to_string(text.size()) + "}\r\n" + std::string(text);
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

// A query of one argument, as words: parentheses stand alone, a text in quotes is one word.
Result<std::vector<std::string>> split_words(std::string_view text) {
  std::vector<std::string> out;
  std::size_t at = 0;
  while (at < text.size()) {
    char c = text[at];
    if (is_space(c)) {
      ++at;
    } else if (c == '(' || c == ')') {
      out.emplace_back(1, c);
      ++at;
    } else if (c == '"') {
      std::string word;
      for (++at; at < text.size() && text[at] != '"'; ++at) {
        if (text[at] == '\\' && at + 1 < text.size()) ++at;
        word += text[at];
      }
      if (at == text.size()) return Error(501, "a quote is not closed in the query");
      ++at;
      out.push_back(std::move(word));
    } else {
      auto end = text.find_first_of(" \t\r\n()", at);
      if (end == text.npos) end = text.size();
      out.emplace_back(text.substr(at, end - at));
      at = end;
    }
  }
  return out;
}

}  // namespace

// Goes through the words from left to right.
class QueryReader {
 public:
  using Word = MailQuery::Word;
  QueryReader(std::span<const std::string> words, std::int64_t now_seconds)
      : words_(words), now_seconds_(now_seconds) {}

  Result<MailQuery> read() {
    while (at_ < words_.size()) {
      std::string_view word = words_[at_++];
      // As a shell's argument a parenthesis may stand before the word that it opens.
      while (word.size() > 1 && word.front() == '(') {
        put(Word::Kind::Bare, "(");
        word.remove_prefix(1);
      }
      const auto* key = find_key(word);
      if (key == nullptr) {
        TRY_DO(take_other(word));
      } else {
        TRY_DO(take(*key));
      }
    }
    return std::move(query_);
  }

 private:
  void put(Word::Kind kind, std::string text) { query_.words_.push_back({kind, std::move(text)}); }

  Result<std::string> next(std::string_view key) {
    if (at_ < words_.size()) return words_[at_++];
    return Error(501, std::string(key) + " needs a value behind it");
  }

  // Neither a text nor one of ours: the grammar of SEARCH judges it.
  Result<void> take_other(std::string_view word) {
    if (word.empty()) return Error(501, "an empty word stands where a key of the query should");
    if (!is_plain(word) || word.find_first_of(" \"") != word.npos) {
      return Error(501, "\"" + printable(word, 100) +
                            "\" is no key of a query; a text stands "
                            "behind a key, as in: subject \"" +
                            printable(word, 100) + "\"");
    }
    if (equal_nocase(word, "MODSEQ")) {
      return Error(501, "MODSEQ can't be asked for here: only a running imapd knows it");
    }
    put(Word::Kind::Bare, std::string(word));
    return {};
  }

  Result<void> take(const KeyWord& key) {
    TRY(auto value, next(key.name));
    switch (key.takes) {
      case Takes::Mailbox:
        query_.names_mailbox_ = true;
        put(Word::Kind::Mailbox, std::move(value));
        return {};
      case Takes::Id:
        query_.names_mailbox_ = query_.names_id_ = true;
        put(Word::Kind::Id, std::move(value));
        return {};
      case Takes::TwoTexts: {
        TRY(auto second, next(key.name));
        put(Word::Kind::Bare, std::string(key.name));
        put(Word::Kind::Text, std::move(value));
        put(Word::Kind::Text, std::move(second));
        return {};
      }
      case Takes::Text:
        put(Word::Kind::Bare, std::string(key.name));
        put(Word::Kind::Text, std::move(value));
        return {};
      case Takes::Number:
        if (auto octets = size_of(value)) value = std::to_string(*octets);
        break;
      case Takes::Age:
        if (auto seconds = age_of(value)) value = std::to_string(*seconds);
        break;
      case Takes::Day:
        return take_day(key.name, value);
    }
    put(Word::Kind::Bare, std::string(key.name));
    put(Word::Kind::Bare, std::move(value));
    return {};
  }

  // An age is a moment for BEFORE and SINCE, of which OLDER and YOUNGER know the second; for the
  // others it is the day of that moment.
  Result<void> take_day(std::string_view name, const std::string& value) {
    if (auto seconds = age_of(value)) {
      if (name == "BEFORE" || name == "SINCE") {
        put(Word::Kind::Bare, name == "BEFORE" ? "OLDER" : "YOUNGER");
        put(Word::Kind::Bare, std::to_string(std::max<std::uint64_t>(*seconds, 1)));
        return {};
      }
      auto then = now_seconds_ - static_cast<std::int64_t>(*seconds);
      put(Word::Kind::Bare, std::string(name));
      put(Word::Kind::Bare, imap_date(local_date(std::max<std::int64_t>(then, 0)).shown_day()));
      return {};
    }
    auto day = day_of_iso(value);
    if (!day) day = parse_imap_date(value);
    if (!day) {
      return Error(501, std::string(name) + ": \"" + printable(value, 60) +
                            "\" is no day; write 31-Jan-2024, 2024-01-31, or an age such as 2w");
    }
    put(Word::Kind::Bare, std::string(name));
    put(Word::Kind::Bare, imap_date(*day));
    return {};
  }

  std::span<const std::string> words_;
  std::int64_t now_seconds_;
  std::size_t at_ = 0;
  MailQuery query_;
};

Result<MailQuery> MailQuery::parse(std::span<const std::string> arguments, std::int64_t now_seconds,
                                   const Limits& limits) {
  std::vector<std::string> words(arguments.begin(), arguments.end());
  if (words.size() == 1) {
    TRY(words, split_words(arguments.front()));
  }
  if (words.empty()) return Error(501, "a query is missing; ALL stands for all messages");
  if (words.size() > query_words_max) {
    return Error(501, "the query has more than " + std::to_string(query_words_max) + " words");
  }
  TRY(auto query, QueryReader(words, now_seconds).read());
  // What is wrong with it is wrong in every folder.
  TRY_DO(query.request_for("INBOX", "", '.', limits));
  return query;
}

Result<SearchRequest> MailQuery::request_for(std::string_view mailbox, std::string_view id,
                                             char separator, const Limits& limits) const {
  std::string text = " CHARSET UTF-8";
  for (std::size_t i = 0; i < words_.size(); ++i) {
    const auto& word = words_[i];
    bool closes = word.kind == Word::Kind::Bare && word.text == ")";
    bool follows_open =
        i > 0 && words_[i - 1].kind == Word::Kind::Bare && words_[i - 1].text == "(";
    if (!closes && !follows_open) text += ' ';
    switch (word.kind) {
      case Word::Kind::Bare:
        text += word.text;
        break;
      case Word::Kind::Text:
        text += as_string(word.text);
        break;
      case Word::Kind::Mailbox:
        text += ListPattern("", word.text, separator).matches(mailbox) ? "ALL" : "NOT ALL";
        break;
      case Word::Kind::Id:
        text += word.text == id ? "ALL" : "NOT ALL";
        break;
    }
  }
  auto request = parse_search(text, limits);
  if (!request) return Error(501, "the query can't be read: " + request.error().text());
  if (request->asks_modseq) return Error(501, "MODSEQ can't be asked for here");
  return request;
}

bool may_match(const SearchKey& key) {
  switch (key.kind) {
    case SearchKey::Kind::All:
      return !key.negated;
    case SearchKey::Kind::And:
      return key.negated || std::ranges::all_of(key.children, may_match);
    case SearchKey::Kind::Or:
      return key.negated || std::ranges::any_of(key.children, may_match);
    default:
      return true;
  }
}

}  // namespace pennypost::imap
