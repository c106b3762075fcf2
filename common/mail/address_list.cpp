#include "common/mail/address_list.h"

#include <utility>

#include "common/base/text.h"

namespace pennypost {
namespace {

/// A word of a phrase or local part: an atom, the meaning of a quoted string, or a dot.
struct Word {
  std::string text;
  bool blank_before = false;
  bool is_dot = false;
  bool is_quoted = false;
  std::size_t begin = 0;
  std::size_t end = 0;
};

class Parser {
 public:
  Parser(std::string_view body, BareWords bare_words) : body_(body), bare_words_(bare_words) {}

  std::vector<ListedAddress> list() {
    while (list_.size() < address_list_max) {
      skip_blanks();
      if (at_end()) break;
      if (take(',')) continue;
      if (take(';')) {
        end_group();
        continue;
      }
      element();
    }
    // An unfinished group ends with the field.
    end_group();
    return std::move(list_);
  }

 private:
  bool at_end() const { return at_ >= body_.size(); }
  char peek() const { return at_end() ? '\0' : body_[at_]; }
  bool take(char c) {
    if (at_end() || body_[at_] != c) return false;
    ++at_;
    return true;
  }

  /// Skips white space and comments; true if there were any. Keeps the first comment's text.
  bool skip_blanks() {
    auto begin = at_;
    while (!at_end()) {
      if (peek() == '(') {
        auto text = comment();
        if (!comment_ && !text.empty()) comment_ = std::move(text);
      } else if (is_space(peek())) {
        ++at_;
      } else {
        break;
      }
    }
    return at_ > begin;
  }

  /// RFC 5322 section 3.2.2: comments nest. The text keeps inner parentheses, but not backslashes.
  std::string comment() {
    std::string text;
    int depth = 0;
    for (; !at_end(); ++at_) {
      char c = peek();
      if (c == '\\' && at_ + 1 < body_.size()) {
        c = body_[++at_];
      } else if (c == '(') {
        if (depth++ == 0) continue;
      } else if (c == ')' && --depth == 0) {
        ++at_;
        break;
      }
      if (c != '\r' && c != '\n') text += c;
    }
    return std::string(trim(text));
  }

  std::string quoted_string() {
    std::string text;
    ++at_;
    while (!at_end() && !take('"')) {
      if (peek() == '\\' && at_ + 1 < body_.size()) ++at_;
      if (peek() != '\r' && peek() != '\n') text += peek();
      ++at_;
    }
    return text;
  }

  std::string atom() {
    constexpr std::string_view specials = "()<>:;@,.\"";
    auto begin = at_;
    while (!at_end() && !is_space(peek()) && specials.find(peek()) == std::string_view::npos) ++at_;
    return std::string(body_.substr(begin, at_ - begin));
  }

  /// Reads words up to one of `<>:;@,` or the end. A stray `)` is dropped.
  std::vector<Word> words() {
    std::vector<Word> words;
    for (;;) {
      bool blank = skip_blanks();
      if (take(')')) continue;
      Word word;
      word.blank_before = blank;
      word.begin = at_;
      if (peek() == '"') {
        word.text = quoted_string();
        word.is_quoted = true;
      } else if (take('.')) {
        word.text = ".";
        word.is_dot = true;
      } else if (word.text = atom(); word.text.empty()) {
        return words;
      }
      word.end = at_;
      words.push_back(std::move(word));
    }
  }

  static std::string phrase(const std::vector<Word>& words, std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) {
      if (i > 0 && words[i].blank_before) text += ' ';
      text += words[i].text;
    }
    return text;
  }

  /// Where the local part begins in the words before an @: blanks are allowed only around its dots
  /// (RFC 5322 section 4.4).
  static std::size_t local_begin(const std::vector<Word>& words) {
    std::size_t begin = words.empty() ? 0 : words.size() - 1;
    while (begin > 0 &&
           (!words[begin].blank_before || words[begin].is_dot || words[begin - 1].is_dot)) {
      --begin;
    }
    return begin;
  }

  static std::string local_part(const std::vector<Word>& words, std::size_t begin) {
    std::string text;
    for (; begin < words.size(); ++begin) text += words[begin].text;
    return text;
  }

  /// Called after an @: the last word before it, with those joined to it by dots, is the local
  /// part; the words before that are a name.
  void complete(ListedAddress& address, const std::vector<Word>& words) {
    auto local = local_begin(words);
    if (local > 0 && !address.name) address.name = phrase(words, local);
    address.mailbox = local_part(words, local);
    if (!address.route) address.begin = local < words.size() ? words[local].begin : at_ - 1;
    address.host = domain();
    address.end = domain_end_;
  }

  /// Words without a domain: one is a local part, several are a name.
  static void leave_bare(ListedAddress& address, const std::vector<Word>& words) {
    if (local_begin(words) == 0) {
      address.mailbox = local_part(words, 0);
      if (words.empty()) return;
      if (!address.route) address.begin = words.front().begin;
      address.end = *(address.bare_end = words.back().end);
    } else if (!address.name) {
      address.name = phrase(words, words.size());
    }
  }

  /// Reads the domain after an @: atoms, dots and literals, without the blanks around dots. It ends
  /// at a blank that is not next to a dot. A further @ belongs to it, so that a@b@c is never taken
  /// for a@b.
  std::string domain() {
    std::string text;
    for (;;) {
      domain_end_ = at_;
      skip_blanks();
      bool may_go_on = text.empty() || text.back() == '.' || text.back() == '@';
      if (take('.')) {
        text += '.';
      } else if (take('@')) {
        text += '@';
      } else if (!may_go_on) {
        return text;
      } else if (peek() == '[') {
        text += domain_literal();
      } else {
        auto part = atom();
        if (part.empty()) return text;
        text += part;
      }
    }
  }

  /// RFC 5322 section 3.4.1, without its blanks.
  std::string domain_literal() {
    auto end = body_.find_first_of("]<>,;", at_);
    if (end == std::string_view::npos) end = body_.size();
    if (end < body_.size() && body_[end] == ']') ++end;
    std::string text;
    for (; at_ < end; ++at_) {
      if (!is_space(peek())) text += peek();
    }
    return text;
  }

  /// Reads `@a,@b:` within angle brackets; if there is none, it returns nothing and skips nothing.
  std::optional<std::string> route() {
    auto begin = at_;
    std::string text;
    while (peek() == '@' || peek() == ',') {
      text += body_[at_++];
      skip_blanks();
      if (peek() == '@' || peek() == ',') continue;
      text += domain();
    }
    if (!text.empty() && take(':')) return text;
    at_ = begin;
    return {};
  }

  /// Reads from `<` to `>`.
  void angle(ListedAddress& address) {
    ++at_;
    skip_blanks();
    address.begin = address.end = at_;
    address.route = route();
    auto local = words();
    if (take('@')) {
      complete(address, local);
    } else {
      leave_bare(address, local);
    }
    // Other text before > is dropped; without a >, up to the next element.
    auto end = body_.find_first_of(">,;", at_);
    at_ = end == std::string_view::npos ? body_.size() : end;
    if (!take('>')) address.bare_end.reset();
  }

  void element() {
    comment_.reset();
    auto begin = at_;
    auto before = words();
    if (bare_words_ == BareWords::Addresses && peek() != ':' && peek() != '<') list_bare(before);
    ListedAddress address;
    if (take(':')) {
      if (before.empty() || in_group_) return;
      in_group_ = true;
      address.kind = ListedAddress::Kind::GroupStart;
      address.mailbox = phrase(before, before.size());
      list_.push_back(std::move(address));
      return;
    }
    if (peek() == '<') {
      if (!before.empty()) address.name = phrase(before, before.size());
      angle(address);
    } else if (take('@')) {
      complete(address, before);
    } else if (before.empty()) {
      // Only a comment, or an octet that can't begin anything.
      if (at_ == begin) ++at_;
      return;
    } else {
      leave_bare(address, before);
      // As in Dovecot, a single quoted word is a name.
      bool is_name =
          before.size() == 1 && before.front().is_quoted && bare_words_ == BareWords::Phrase;
      if (is_name) address.name = std::exchange(address.mailbox, std::nullopt);
    }
    skip_blanks();
    if (!address.name) address.name = std::move(comment_);
    bool goes_on = peek() != ',' && peek() != ';' && peek() != '<' && !at_end();
    if (goes_on && bare_words_ == BareWords::Phrase) address.has_rest = skip_rest();
    list_.push_back(std::move(address));
  }

  /// Skips what follows an address up to the next element; false if there were only stray
  /// parentheses and brackets.
  bool skip_rest() {
    bool any = false;
    for (;;) {
      any = !words().empty() || any;
      if (at_end() || peek() == ',' || peek() == ';' || peek() == '<') return any;
      any = any || peek() != '>';
      ++at_;
    }
  }

  /// Lists all words except those of the last local part as separate addresses.
  void list_bare(std::vector<Word>& words) {
    std::size_t begin = 0;
    for (std::size_t i = 1; i < words.size() && list_.size() < address_list_max; ++i) {
      if (!words[i].blank_before || words[i].is_dot || words[i - 1].is_dot) continue;
      ListedAddress address;
      std::vector<Word> one(words.begin() + static_cast<std::ptrdiff_t>(begin),
                            words.begin() + static_cast<std::ptrdiff_t>(i));
      address.mailbox = local_part(one, 0);
      address.begin = one.front().begin;
      address.end = *(address.bare_end = one.back().end);
      list_.push_back(std::move(address));
      begin = i;
    }
    words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(begin));
  }

  void end_group() {
    if (!in_group_) return;
    in_group_ = false;
    ListedAddress mark;
    mark.kind = ListedAddress::Kind::GroupEnd;
    list_.push_back(std::move(mark));
  }

  std::string_view body_;
  BareWords bare_words_;
  std::size_t at_ = 0;
  bool in_group_ = false;
  std::size_t domain_end_ = 0;  // of the last domain, without the blanks after it
  std::optional<std::string> comment_;
  std::vector<ListedAddress> list_;
};

}  // namespace

std::string ListedAddress::text() const {
  return mailbox.value_or(host ? "" : name.value_or("")) + (host ? "@" + *host : "");
}

Result<MailAddress> ListedAddress::address(Utf8 utf8) const {
  if (has_rest) return Error(501, "5.1.3", "Bad address syntax: words after the address");
  if (kind != Kind::Mailbox || !mailbox || mailbox->empty()) {
    return Error(501, "5.1.3", "Bad address syntax: no address");
  }
  if (!host) return MailAddress::make(*mailbox, {}, utf8);
  TRY(auto domain, Domain::parse(*host, utf8));
  return MailAddress::make(*mailbox, std::move(domain), utf8);
}

std::vector<ListedAddress> parse_address_list(std::string_view body, BareWords bare_words) {
  return Parser(body, bare_words).list();
}

}  // namespace pennypost
