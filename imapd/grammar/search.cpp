#include "imapd/grammar/search.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/mail/date.h"
#include "imapd/grammar/arguments.h"

namespace pennypost::imap {
namespace {

using Kind = SearchKey::Kind;

constexpr std::size_t object_id_bytes_max = 255;

// The argument of a key.
enum class Takes {
  Nothing,
  Text,
  HeaderText,
  FieldAndText,
  Keyword,
  Day,
  Number,
  Seconds,
  Uids,
  ObjectId,
  ModSeq,
};

struct KeyRow {
  std::string_view name;
  Kind kind;
  Takes takes;
  bool negated;
  // The flag or header field that the name stands for.
  std::string_view subject;
};
constexpr KeyRow key_rows[] = {
    {"ALL", Kind::All, Takes::Nothing, false, ""},
    {"ANSWERED", Kind::Flag, Takes::Nothing, false, "\\Answered"},
    {"BCC", Kind::Address, Takes::HeaderText, false, "Bcc"},
    {"BEFORE", Kind::Before, Takes::Day, false, ""},
    {"BODY", Kind::Body, Takes::Text, false, ""},
    {"CC", Kind::Address, Takes::HeaderText, false, "Cc"},
    {"DELETED", Kind::Flag, Takes::Nothing, false, "\\Deleted"},
    {"DRAFT", Kind::Flag, Takes::Nothing, false, "\\Draft"},
    {"EMAILID", Kind::EmailId, Takes::ObjectId, false, ""},
    {"FLAGGED", Kind::Flag, Takes::Nothing, false, "\\Flagged"},
    {"FROM", Kind::Address, Takes::HeaderText, false, "From"},
    {"HEADER", Kind::Header, Takes::FieldAndText, false, ""},
    {"KEYWORD", Kind::Flag, Takes::Keyword, false, ""},
    {"LARGER", Kind::Larger, Takes::Number, false, ""},
    {"MODSEQ", Kind::ModSeq, Takes::ModSeq, false, ""},
    {"OLD", Kind::Flag, Takes::Nothing, true, "\\Recent"},
    {"OLDER", Kind::Older, Takes::Seconds, false, ""},
    {"ON", Kind::On, Takes::Day, false, ""},
    {"RECENT", Kind::Flag, Takes::Nothing, false, "\\Recent"},
    {"SAVEDATESUPPORTED", Kind::SaveDateSupported, Takes::Nothing, false, ""},
    {"SAVEDBEFORE", Kind::SavedBefore, Takes::Day, false, ""},
    {"SAVEDON", Kind::SavedOn, Takes::Day, false, ""},
    {"SAVEDSINCE", Kind::SavedSince, Takes::Day, false, ""},
    {"SEEN", Kind::Flag, Takes::Nothing, false, "\\Seen"},
    {"SENTBEFORE", Kind::SentBefore, Takes::Day, false, ""},
    {"SENTON", Kind::SentOn, Takes::Day, false, ""},
    {"SENTSINCE", Kind::SentSince, Takes::Day, false, ""},
    {"SINCE", Kind::Since, Takes::Day, false, ""},
    {"SMALLER", Kind::Smaller, Takes::Number, false, ""},
    {"SUBJECT", Kind::Header, Takes::HeaderText, false, "Subject"},
    {"TEXT", Kind::Text, Takes::Text, false, ""},
    {"THREADID", Kind::ThreadId, Takes::ObjectId, false, ""},
    {"TO", Kind::Address, Takes::HeaderText, false, "To"},
    {"UID", Kind::Uids, Takes::Uids, false, ""},
    {"UNANSWERED", Kind::Flag, Takes::Nothing, true, "\\Answered"},
    {"UNDELETED", Kind::Flag, Takes::Nothing, true, "\\Deleted"},
    {"UNDRAFT", Kind::Flag, Takes::Nothing, true, "\\Draft"},
    {"UNFLAGGED", Kind::Flag, Takes::Nothing, true, "\\Flagged"},
    {"UNKEYWORD", Kind::Flag, Takes::Keyword, true, ""},
    {"UNSEEN", Kind::Flag, Takes::Nothing, true, "\\Seen"},
    {"YOUNGER", Kind::Younger, Takes::Seconds, false, ""},
};
static_assert(std::ranges::is_sorted(key_rows, {}, &KeyRow::name), "find_row() searches by halves");

const KeyRow* find_row(std::string_view name) {
  auto row = std::ranges::lower_bound(key_rows, name, {}, &KeyRow::name);
  return row != std::end(key_rows) && row->name == name ? row : nullptr;
}

SearchKey flag_key(std::string_view flag, bool negated) {
  SearchKey key;
  key.kind = Kind::Flag;
  key.text = flag;
  key.negated = negated;
  return key;
}

class Parser {
 public:
  explicit Parser(Cursor& cursor) : cursor_(cursor) {}

  bool has_modseq() const { return has_modseq_; }
  bool has_numbers() const { return has_numbers_; }
  bool has_fuzzy() const { return has_fuzzy_; }

  // search-key *(SP search-key), up to `)` or the end.
  Result<SearchKey> list(std::size_t depth) {
    SearchKey all;
    all.kind = Kind::And;
    do {
      TRY(auto one, key(depth));
      all.children.push_back(std::move(one));
    } while (cursor_.next_item());
    if (all.children.size() == 1) return SearchKey(std::move(all.children.front()));
    return all;
  }

 private:
  Result<SearchKey> key(std::size_t depth) {
    if (depth > cursor_.limits().nesting_max) return Error(501, "Search is nested too deep");
    if (cursor_.skip('(')) {
      cursor_.skip_spaces();
      TRY(auto inner, list(depth + 1));
      TRY_DO(cursor_.expect(')'));
      return inner;
    }
    char first = cursor_.rest().empty() ? '\0' : cursor_.rest().front();
    if (is_digit(first) || first == '*' || first == '$') {
      TRY_DO(count());
      has_numbers_ = has_numbers_ || first != '$';
      return set(Kind::Sequence);
    }
    TRY(auto name, cursor_.keyword());
    if (name == "NOT") return negation(depth);
    if (name == "OR") return alternative(depth);
    if (name == "FUZZY") return near(depth);
    TRY_DO(count());
    if (name == "NEW") {
      SearchKey both;
      both.kind = Kind::And;
      both.children.push_back(flag_key("\\Recent", false));
      both.children.push_back(flag_key("\\Seen", true));
      return both;
    }
    const auto* row = find_row(name);
    if (!row) return Error(501, "Unknown search key " + name);
    return simple(*row);
  }

  // Counts the keys alone: there can't be many more of parentheses, NOT and OR.
  Result<void> count() {
    if (++keys_ > cursor_.limits().search_keys_max) {
      return Error(550, ResponseCode::Limit, "Too many search keys (imap_search_keys_max)");
    }
    return {};
  }

  Result<SearchKey> negation(std::size_t depth) {
    TRY_DO(cursor_.space());
    TRY(auto inner, key(depth + 1));
    inner.negated = !inner.negated;
    return inner;
  }

  // RFC 6203 section 3.
  Result<SearchKey> near(std::size_t depth) {
    TRY_DO(cursor_.space());
    TRY(auto inner, key(depth + 1));
    make_fuzzy(inner);
    has_fuzzy_ = true;
    return inner;
  }

  static void make_fuzzy(SearchKey& key) {
    key.fuzzy = true;
    for (auto& child : key.children) make_fuzzy(child);
  }

  Result<SearchKey> alternative(std::size_t depth) {
    SearchKey either;
    either.kind = Kind::Or;
    for (int i = 0; i < 2; ++i) {
      TRY_DO(cursor_.space());
      TRY(auto one, key(depth + 1));
      either.children.push_back(std::move(one));
    }
    return either;
  }

  Result<SearchKey> set(Kind kind) {
    SearchKey key;
    key.kind = kind;
    TRY(key.set, cursor_.sequence_set());
    return key;
  }

  Result<SearchKey> simple(const KeyRow& row) {
    if (row.takes != Takes::Nothing) {
      TRY_DO(cursor_.space());
    }
    if (row.takes == Takes::Uids) return set(Kind::Uids);
    SearchKey key;
    key.kind = row.kind;
    key.negated = row.negated;
    switch (row.takes) {
      case Takes::Nothing:
        if (row.kind == Kind::Flag) key.text = row.subject;
        break;
      case Takes::HeaderText:
        key.field = row.subject;
        [[fallthrough]];
      case Takes::Text: {
        TRY(key.text, cursor_.astring());
        break;
      }
      case Takes::FieldAndText: {
        TRY(key.field, cursor_.astring());
        TRY_DO(cursor_.space());
        TRY(key.text, cursor_.astring());
        break;
      }
      case Takes::Keyword: {
        TRY(key.text, cursor_.flag());
        break;
      }
      case Takes::Day: {
        TRY(auto text, cursor_.astring());
        auto day = parse_imap_date(text);
        if (!day) return invalid_date(text, "3-Feb-2025");
        key.day = *day;
        break;
      }
      case Takes::Number: {
        TRY(key.number, cursor_.number64());
        break;
      }
      case Takes::Seconds: {
        TRY(key.number, cursor_.nz_number());
        break;
      }
      case Takes::ObjectId: {
        TRY(key.text, object_id());
        break;
      }
      case Takes::ModSeq: {
        TRY(key.number, modseq());
        break;
      }
      case Takes::Uids:
        break;
    }
    return key;
  }

  // RFC 8474 section 7: letters, digits, `_` and `-`, 255 of them at most.
  Result<std::string> object_id() {
    TRY(auto id, cursor_.atom());
    auto is_fitting = [](char c) { return is_alnum(c) || c == '_' || c == '-'; };
    if (id.size() > object_id_bytes_max || !std::ranges::all_of(id, is_fitting)) {
      return Error(501, "Expected an object's id");
    }
    return id;
  }

  // RFC 7162 section 3.1.5. All flags of a message share one mod-sequence: the flag that may be
  // named before it, and whose it is, do not matter.
  Result<std::uint64_t> modseq() {
    has_modseq_ = true;
    if (cursor_.at('"')) {
      TRY(auto entry, cursor_.quoted());
      if (!starts_with_nocase(entry, "/flags/")) return Error(501, "Expected \"/flags/NAME\"");
      TRY_DO(cursor_.space());
      TRY(auto type, cursor_.keyword());
      if (type != "PRIV" && type != "SHARED" && type != "ALL") {
        return Error(501, "Expected priv, shared or all");
      }
      TRY_DO(cursor_.space());
    }
    return cursor_.number64();
  }

  Cursor& cursor_;
  std::size_t keys_ = 0;
  bool has_modseq_ = false;
  bool has_numbers_ = false;
  bool has_fuzzy_ = false;
};

// `(ITEM ITEM)` behind UPDATE.
Result<void> update_items(Cursor& cursor, SearchRequest& request) {
  auto next = cursor.rest().find_first_not_of(' ');
  if (next == std::string_view::npos || cursor.rest()[next] != '(') return {};
  cursor.skip_spaces();
  TRY(request.update_items, parse_fetch_items(cursor));
  return {};
}

Result<void> return_option(const std::string& name, SearchRequest& request, Cursor& cursor) {
  if (name == "MIN") {
    request.return_min = true;
  } else if (name == "MAX") {
    request.return_max = true;
  } else if (name == "ALL") {
    request.return_all = true;
  } else if (name == "COUNT") {
    request.return_count = true;
  } else if (name == "SAVE") {
    request.return_save = true;
  } else if (name == "RELEVANCY") {
    request.return_relevancy = true;
  } else if (name == "PARTIAL" && !request.return_partial) {
    TRY_DO(cursor.space());
    TRY(request.return_partial, parse_partial_result(cursor));
  } else if (name == "UPDATE") {
    request.return_update = true;
    return update_items(cursor, request);
  } else if (name != "CONTEXT") {
    return Error(501, "Unknown return option " + name);
  }
  return {};
}

Result<void> return_options(Cursor& cursor, SearchRequest& request) {
  request.extended = true;
  TRY_DO(cursor.space());
  TRY_DO(cursor.expect('('));
  auto option = [&]() -> Result<void> {
    TRY(auto name, cursor.keyword());
    return return_option(name, request, cursor);
  };
  TRY_DO(rest_of_list(cursor, option));
  // RFC 4731 section 3.1: an empty list asks for ALL.
  bool is_empty = !request.return_min && !request.return_max && !request.return_count &&
                  !request.return_save && !request.return_partial && !request.return_update &&
                  !request.return_relevancy;
  if (is_empty) request.return_all = true;
  // RFC 9394 section 3.1.
  if (request.return_all && request.return_partial) {
    return Error(501, "PARTIAL does not go with ALL");
  }
  return {};
}

}  // namespace

Result<void> take_return_options(Cursor& cursor, SearchRequest& request) {
  if (!cursor.skip_word("RETURN")) return {};
  TRY_DO(return_options(cursor, request));
  return cursor.space();
}

Result<void> take_keys(Cursor& cursor, SearchRequest& request) {
  Parser parser(cursor);
  auto keys = parser.list(0);
  bool is_no = !keys && keys.error().code() != 501;
  if (is_no && request.return_save) {
    request.refusal = std::move(keys).error();
    return {};
  }
  TRY(request.key, std::move(keys));
  request.asks_modseq = parser.has_modseq();
  request.uses_numbers = parser.has_numbers();
  request.has_fuzzy = parser.has_fuzzy();
  // RFC 6203 section 4.
  if (request.return_relevancy && !request.has_fuzzy) {
    return Error(501, "RELEVANCY goes with FUZZY only");
  }
  return cursor.end();
}

Result<void> take_charset_and_keys(Cursor& cursor, SearchRequest& request) {
  if (cursor.skip_word("CHARSET")) {
    TRY_DO(cursor.space());
    TRY(auto charset, cursor.astring());
    request.charset = upper(charset);
    request.names_charset = true;
    TRY_DO(cursor.space());
  }
  return take_keys(cursor, request);
}

Result<SearchRequest> parse_search(std::string_view arguments, const Limits& limits) {
  Cursor cursor(arguments, limits);
  SearchRequest request;
  TRY_DO(cursor.space());
  TRY_DO(take_return_options(cursor, request));
  TRY_DO(take_charset_and_keys(cursor, request));
  return request;
}

}  // namespace pennypost::imap
