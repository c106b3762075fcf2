#include "imapd/search/search_keys.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/mail/charset.h"
#include "common/mail/unicode.h"
#include "imapd/response/untagged.h"

namespace pennypost::imap {
namespace {

using Kind = SearchKey::Kind;

// How many octets the texts of all keys may have once folded; in memory they take a multiple.
constexpr std::size_t key_octets_max = 256 << 10;

int cost_of(Kind kind) {
  switch (kind) {
    case Kind::All:
    case Kind::And:
    case Kind::Or:
    case Kind::Sequence:
    case Kind::Uids:
    case Kind::Flag:
    case Kind::ThreadId:
    case Kind::ModSeq:
      return 0;
    case Kind::SavedBefore:
    case Kind::SavedOn:
    case Kind::SavedSince:
    case Kind::SaveDateSupported:
    case Kind::Before:
    case Kind::On:
    case Kind::Since:
    case Kind::Younger:
    case Kind::Older:
    case Kind::Larger:
    case Kind::Smaller:
      return 1;
    case Kind::Address:
    case Kind::Header:
    case Kind::SentBefore:
    case Kind::SentOn:
    case Kind::SentSince:
      return 2;
    case Kind::EmailId:
    case Kind::Body:
    case Kind::Text:
      return 3;
  }
  return 3;
}

bool has_texts(Kind kind) {
  return kind == Kind::Address || kind == Kind::Header || kind == Kind::Body || kind == Kind::Text;
}

bool names_day(Kind kind) {
  return kind == Kind::Before || kind == Kind::On || kind == Kind::Since ||
         kind == Kind::SentBefore || kind == Kind::SentOn || kind == Kind::SentSince ||
         kind == Kind::SavedBefore || kind == Kind::SavedOn || kind == Kind::SavedSince;
}

// Where the index of words has what a key looks for; nowhere for what it can't answer. FROM and its
// like have places of their own, with the addresses as these keys see them. HEADER FROM looks into
// the field's text, which is in Header; for FUZZY that is one.
std::vector<store::WordPlace> places_of(const SearchKey& key) {
  using enum store::WordPlace;
  if (key.kind == Kind::Body) return key.fuzzy ? std::vector{Body, FileName} : std::vector{Body};
  if (key.kind == Kind::Text && key.fuzzy) return {Body, Header, FileName};
  if (key.kind == Kind::Text) return {Body, Header};
  constexpr std::pair<std::string_view, store::WordPlace> fields[] = {
      {"Bcc", Bcc}, {"Cc", Cc}, {"From", From}, {"Subject", Subject}, {"To", To}};
  for (const auto& [name, place] : fields) {
    bool is_seen_so = key.kind == Kind::Address || place == Subject || key.fuzzy;
    if (is_seen_so && equal_nocase(name, key.field)) return {place};
  }
  if (key.fuzzy || key.kind == Kind::Address) return {};
  return {Header};
}

// Counts U+FFFD, which conversion puts where it finds no character.
std::size_t count_replaced(std::string_view utf8) {
  constexpr std::string_view replacement = "\xef\xbf\xbd";
  std::size_t count = 0;
  for (auto at = utf8.find(replacement); at != std::string_view::npos;
       at = utf8.find(replacement, at + replacement.size())) {
    ++count;
  }
  return count;
}

// RFC 9051 section 6.4.4: [BADCHARSET] names charsets that are taken; of ours only the best known.
Error unknown_charset() { return Error(550, "[BADCHARSET (US-ASCII UTF-8)] Unknown charset"); }

// Prepares one key after another, and gathers their texts in `keys`.
class Preparation {
 public:
  Preparation(const std::string& charset, const Selected& selected, const store::Mailbox& mailbox,
              PreparedKeys& keys)
      : charset_(charset), selected_(selected), mailbox_(mailbox), keys_(keys) {}

  Result<PreparedKey> prepare(const SearchKey& from) {
    ++keys_.count;
    PreparedKey key;
    key.kind = from.kind;
    key.negated = from.negated;
    key.fuzzy = from.fuzzy;
    key.cost = cost_of(from.kind);
    for (const auto& child : from.children) {
      TRY(auto prepared, prepare(child));
      key.cost = std::max(key.cost, prepared.cost);
      key.children.push_back(std::move(prepared));
    }
    std::ranges::stable_sort(key.children, {}, &PreparedKey::cost);
    key.value = names_day(from.kind) ? from.day : static_cast<std::int64_t>(from.number);
    if (from.kind == Kind::Flag) prepare_flag(key, from.text);
    if (from.kind == Kind::EmailId) key.id = from.text;
    TRY_DO(prepare_numbers(key, from));
    if (has_texts(from.kind)) {
      TRY_DO(prepare_text(key, from));
    }
    return key;
  }

 private:
  void prepare_flag(PreparedKey& key, const std::string& name) const {
    key.is_recent = name == "\\Recent";
    if (auto flag = system_flag(name)) key.flags = store::Flags(*flag);
    const auto& known = mailbox_.keywords();
    for (std::size_t bit = 0; bit < known.size() && bit < store::keywords_per_mailbox_max; ++bit) {
      if (equal_nocase(known[bit], name)) key.keywords |= store::KeywordSet{1} << bit;
    }
  }

  Result<void> prepare_numbers(PreparedKey& key, const SearchKey& from) const {
    if (from.kind != Kind::Sequence && from.kind != Kind::Uids) return {};
    // A message that does not exist matches nothing; only other commands take it for an error.
    if (from.kind == Kind::Sequence && !from.set.is_saved_result()) {
      key.numbers = from.set.resolve(selected_.exists());
      return {};
    }
    TRY(key.numbers, selected_.numbers(from.set, true));
    return {};
  }

  Result<void> prepare_text(PreparedKey& key, const SearchKey& from) {
    auto utf8 = to_utf8(charset_, from.text);
    if (!utf8) return unknown_charset();
    // A client that cuts a character in two had better know. The charset itself is known: BAD, as
    // Dovecot has it.
    if (count_replaced(*utf8) > count_replaced(from.text)) {
      return Error(501, "A text of SEARCH is not valid in its charset");
    }
    auto places = places_of(from);
    if (!places.empty() && keys_.needles.size() < narrowed_keys_max) {
      key.needle = keys_.needles.size();
      keys_.needles.push_back({casefold(*utf8), std::move(places), from.fuzzy});
    }
    if (from.kind == Kind::Body || from.kind == Kind::Text) {
      auto asks = from.kind == Kind::Body ? TextScan::Asked::Body : TextScan::Asked::Text;
      keys_.asked = !keys_.asked || *keys_.asked == asks ? asks : TextScan::Asked::Both;
      key.text = keys_.texts->add(*utf8);
      return {};
    }
    keys_.fields.push_back(from.field);
    auto where =
        from.kind == Kind::Address ? store::HeaderKeys::In::Addresses : store::HeaderKeys::In::Text;
    key.header = keys_.headers.add(where, from.field, *utf8);
    return {};
  }

  const std::string& charset_;
  const Selected& selected_;
  const store::Mailbox& mailbox_;
  PreparedKeys& keys_;
};

}  // namespace

Result<PreparedKeys> prepare_keys(const SearchRequest& request, const Selected& selected,
                                  const store::Mailbox& mailbox) {
  if (!is_known_charset(request.charset)) return unknown_charset();
  PreparedKeys keys;
  Preparation preparation(request.charset, selected, mailbox, keys);
  keys.has_fuzzy = request.has_fuzzy;
  TRY(keys.root, preparation.prepare(request.key));
  if (keys.texts->octets() + keys.headers.octets() > key_octets_max) {
    return Error(501, "The texts of SEARCH are too long");
  }
  keys.texts->compile();
  keys.headers.compile();
  return keys;
}

}  // namespace pennypost::imap
