#include "common/mail/address_list.h"

#include "common/base/text.h"

namespace pennypost {
namespace {

/// A word of a phrase or local part: an atom, a quoted string's meaning, or a dot.
struct Word {
  std::string text;
  bool blank_before = false;
  bool is_dot = false;
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

  /// White space and comments; true if there were any. The first comment's text is kept.
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

  /// RFC 5322 section 3.2.2: comments nest; the text has inner parentheses, without backslashes.
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

  /// Words up to one of `<>:;@,` or the end. A stray `)` is dropped.
  std::vector<Word> words() {
    std::vector<Word> words;
    for (;;) {
      bool blank = skip_blanks();
      if (take(')')) continue;
      Word word;
      word.blank_before = blank;
      if (peek() == '"') {
        word.text = quoted_string();
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

  /// Where the local part begins in words that stand before an @: blanks are allowed around its
  /// dots only (RFC 5322 section 4.4).
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

  /// Behind an @: atoms, dots and literals without the blanks between them. A further @ belongs to
  /// it, so that a@b@c never passes for a@b.
  std::string domain() {
    std::string text;
    for (;;) {
      bool blank = skip_blanks();
      if (peek() == '[') {
        auto end = body_.find_first_of("]<>,;", at_);
        if (end == std::string_view::npos) end = body_.size();
        if (end < body_.size() && body_[end] == ']') ++end;
        for (; at_ < end; ++at_) {
          if (!is_space(peek())) text += peek();
        }
      } else if (take('.')) {
        text += '.';
      } else if (take('@')) {
        text += '@';
      } else {
        bool is_other = blank && !text.empty() && text.back() != '.' && text.back() != '@';
        if (is_other && bare_words_ == BareWords::Addresses) return text;
        auto part = atom();
        // Two atoms with only a blank between them are no domain; what follows is not ours.
        if (part.empty()) return text;
        if (!text.empty() && text.back() != '.' && text.back() != '@') text += ' ';
        text += part;
      }
    }
  }

  /// `@a,@b:` within angle brackets; nothing, and no move, if there is none.
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

  /// From `<` to `>`.
  void angle(ListedAddress& address) {
    ++at_;
    skip_blanks();
    address.route = route();
    auto local = words();
    address.mailbox = phrase(local, local.size());
    if (local_begin(local) == 0) address.mailbox = local_part(local, 0);
    if (take('@')) {
      address.host = domain();
    } else if (!local.empty() && local_begin(local) == 0) {
      address.bare_end = local.back().end;
    }
    // What else stands before > is dropped; without a >, up to the next element.
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
      auto local = local_begin(before);
      if (local > 0) address.name = phrase(before, local);
      address.mailbox = local_part(before, local);
      address.host = domain();
    } else if (before.empty()) {
      // Only a comment, or an octet that begins nothing.
      if (at_ == begin) ++at_;
      return;
    } else {
      bool one_word = local_begin(before) == 0;
      address.mailbox = one_word ? local_part(before, 0) : phrase(before, before.size());
      if (one_word) address.bare_end = before.back().end;
    }
    skip_blanks();
    if (!address.name) address.name = std::move(comment_);
    list_.push_back(std::move(address));
    // Whatever follows up to the next element is no part of any address.
    if (bare_words_ == BareWords::Addresses) return;
    if (peek() != ',' && peek() != ';' && peek() != '<' && !at_end()) words();
  }

  /// Lists all words but those of the last local part as addresses of their own.
  void list_bare(std::vector<Word>& words) {
    std::size_t begin = 0;
    for (std::size_t i = 1; i < words.size() && list_.size() < address_list_max; ++i) {
      if (!words[i].blank_before || words[i].is_dot || words[i - 1].is_dot) continue;
      ListedAddress address;
      std::vector<Word> one(words.begin() + static_cast<std::ptrdiff_t>(begin),
                            words.begin() + static_cast<std::ptrdiff_t>(i));
      address.mailbox = local_part(one, 0);
      address.bare_end = one.back().end;
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
  std::optional<std::string> comment_;
  std::vector<ListedAddress> list_;
};

}  // namespace

std::string ListedAddress::text() const { return mailbox.value_or("") + (host ? "@" + *host : ""); }

Result<MailAddress> ListedAddress::address(Utf8 utf8) const {
  if (kind != Kind::Mailbox || !mailbox || mailbox->empty()) {
    return Error(501, "5.1.3 Bad address syntax: no address");
  }
  if (!host) return MailAddress::make(*mailbox, {}, utf8);
  TRY(auto domain, Domain::parse(*host, utf8));
  return MailAddress::make(*mailbox, std::move(domain), utf8);
}

std::vector<ListedAddress> parse_address_list(std::string_view body, BareWords bare_words) {
  return Parser(body, bare_words).list();
}

}  // namespace pennypost
