#include "store/sharing/acl.h"

#include <algorithm>

#include "common/base/text.h"

namespace pennypost::store {
namespace {

using Kind = Identifier::Kind;

constexpr bool is_group(Kind kind) { return kind == Kind::Group || kind == Kind::GroupOverride; }

constexpr std::string_view user_prefix = "user=";
constexpr std::string_view group_prefix = "group=";
constexpr std::string_view override_prefix = "group-override=";
constexpr std::string_view imap_group_prefix = "$";
constexpr std::string_view imap_override_prefix = "!$";

Error bad_identifier(std::string_view text, std::string_view why) {
  return Error(501, "Bad identifier " + printable(text, 60) + ": " + std::string(why));
}

Result<Identifier> make(Kind kind, std::string_view name, std::string_view text) {
  if (name.empty()) return bad_identifier(text, "it has no name");
  if (text.size() > Identifier::identifier_bytes_max) return bad_identifier(text, "it is too long");
  if (std::ranges::any_of(name, [](char c) { return is_control(c); })) {
    return bad_identifier(text, "it has control characters");
  }
  return Identifier{kind, std::string(name)};
}

std::optional<Identifier> word(std::string_view text) {
  if (text == "anyone" || text == "anonymous") return Identifier{Kind::Anyone, ""};
  if (text == "authenticated") return Identifier{Kind::Authenticated, ""};
  if (text == "owner") return Identifier{Kind::Owner, ""};
  return std::nullopt;
}

std::string_view word_of(Kind kind) {
  switch (kind) {
    case Kind::Anyone:
      return "anyone";
    case Kind::Authenticated:
      return "authenticated";
    case Kind::Owner:
      return "owner";
    case Kind::Group:
      return group_prefix;
    case Kind::User:
      return user_prefix;
    case Kind::GroupOverride:
      break;
  }
  return override_prefix;
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  return text;
}

// Reads the identifier of a line, in quotes or not, and leaves what follows it.
Result<std::string> take_identifier(std::string_view& line) {
  std::string out;
  if (!line.starts_with('"')) {
    auto end = std::min(line.find(' '), line.size());
    out = line.substr(0, end);
    line.remove_prefix(end);
    return out;
  }
  for (std::size_t i = 1; i < line.size(); ++i) {
    if (line[i] == '"') {
      line.remove_prefix(i + 1);
      if (!line.empty() && line.front() != ' ') break;
      return out;
    }
    if (line[i] == '\\' && ++i == line.size()) break;
    out += line[i];
  }
  return Error(501, "Bad quotes");
}

// Rights of other programs by their names; ours may be written so, too.
Result<void> take_names(std::string_view text, Acl::Grant& grant) {
  for (auto name : words(text, ", \t")) {
    auto known = name.size() > 1 ? Rights::parse_name(name) : Result<Rights>(Error(501, ""));
    bool is_ours = known && !known->names().empty() && name == known->names().front() &&
                   known->names().size() == 1;
    if (is_ours) {
      grant.rights = grant.rights | *known;
    } else {
      grant.named.emplace(name);
    }
  }
  return {};
}

Result<Acl::Grant> parse_grant(std::string_view text) {
  Acl::Grant grant;
  text = without_blanks(text);
  auto end = std::min(text.find_first_of(" \t:"), text.size());
  auto letters = text.substr(0, end);
  // c and d are IMAP's alone.
  if (letters.find_first_of("cd") != letters.npos) return Error(501, "c and d are no rights here");
  TRY(grant.rights, Rights::parse(letters));
  text = without_blanks(text.substr(end));
  if (text.empty()) return grant;
  if (!text.starts_with(':')) return Error(501, "Expected : before names of rights");
  TRY_DO(take_names(text.substr(1), grant));
  return grant;
}

void add(std::optional<Acl::Grant>& to, Acl::Grant more) {
  if (!to) to.emplace();
  to->rights = to->rights | more.rights;
  to->named.merge(more.named);
}

std::string text_of(const Identifier& who, bool denies, const Acl::Grant& grant) {
  auto name = (denies ? "-" : "") + who.text();
  std::string out;
  if (name.find_first_of(" \"\\") == name.npos && !name.starts_with('#')) {
    out = name;
  } else {
    out = '"';
    for (char c : name) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  }
  out += ' ' + grant.rights.letters();
  char before = ':';
  for (const auto& named : grant.named) {
    out += before == ':' ? " :" : ",";
    out += named;
    before = ',';
  }
  return out + '\n';
}

}  // namespace

Result<Identifier> Identifier::parse(std::string_view text) {
  if (auto known = word(text)) return *known;
  for (auto kind : {Kind::User, Kind::Group, Kind::GroupOverride}) {
    auto prefix = word_of(kind);
    if (text.starts_with(prefix)) return make(kind, text.substr(prefix.size()), text);
  }
  return bad_identifier(text,
                        "it is none of anyone, authenticated, owner, user=NAME, group=NAME, "
                        "group-override=NAME");
}

Result<Identifier> Identifier::parse_imap(std::string_view text) {
  if (auto known = word(text)) return *known;
  if (text.starts_with('#')) return bad_identifier(text, "rights for all mailboxes can't be set");
  if (text.starts_with(imap_override_prefix)) {
    return make(Kind::GroupOverride, text.substr(imap_override_prefix.size()), text);
  }
  if (text.starts_with(imap_group_prefix)) {
    return make(Kind::Group, text.substr(imap_group_prefix.size()), text);
  }
  return make(Kind::User, text, text);
}

std::string Identifier::text() const { return std::string(word_of(kind)) + name; }

std::string Identifier::imap_text() const {
  switch (kind) {
    case Kind::User:
      return name;
    case Kind::Group:
      return std::string(imap_group_prefix) + name;
    case Kind::GroupOverride:
      return std::string(imap_override_prefix) + name;
    default:
      return text();
  }
}

Result<Acl> Acl::parse(std::string_view text) {
  Acl acl;
  std::size_t number = 0;
  for (auto line : split(text, '\n')) {
    ++number;
    if (line.empty() || line.starts_with('#')) continue;
    auto parsed = parse_line(line, acl);
    if (!parsed || acl.entries_.size() > entries_max) {
      auto why = parsed ? "there are too many identifiers" : parsed.error().text();
      return Error(550, ResponseCode::Corruption, "line " + std::to_string(number) + ": " + why);
    }
  }
  return acl;
}

Result<void> Acl::parse_line(std::string_view line, Acl& acl) {
  TRY(auto name, take_identifier(line));
  std::string_view rest(name);
  bool denies = rest.starts_with('-');
  if (denies) rest.remove_prefix(1);
  TRY(auto who, Identifier::parse(rest));
  TRY(auto grant, parse_grant(line));
  auto& found = acl.entry(who);
  add(denies ? found.denied : found.granted, std::move(grant));
  return {};
}

std::string Acl::text() const {
  std::string out;
  for (const auto& entry : entries_) {
    if (entry.granted) out += text_of(entry.who, false, *entry.granted);
    if (entry.denied) out += text_of(entry.who, true, *entry.denied);
  }
  return out;
}

// As Dovecot goes through the lines: each kind that fits replaces what those before it said, and
// the second group of a kind adds to what the first one said.
Rights Acl::rights_of(const Visitor& visitor) const {
  auto fits = [&](const Identifier& who) {
    if (visitor.is_owner && who.kind < Kind::Owner) return false;
    switch (who.kind) {
      case Kind::Anyone:
      case Kind::Authenticated:
        return true;
      case Kind::Owner:
        return visitor.is_owner;
      case Kind::User:
        return who.name == visitor.name ||
               (!visitor.short_name.empty() && who.name == visitor.short_name);
      case Kind::Group:
      case Kind::GroupOverride:
        return std::ranges::find(visitor.groups, who.name) != visitor.groups.end();
    }
    return false;
  };
  Rights granted = visitor.is_owner ? Rights::all() : Rights();
  Rights denied;
  std::optional<Kind> before;
  for (const auto& entry : entries_) {
    if (!fits(entry.who)) continue;
    bool adds = before == entry.who.kind && is_group(entry.who.kind);
    if (entry.granted) granted = (adds ? granted : Rights()) | entry.granted->rights;
    if (entry.denied) denied = (adds ? denied : Rights()) | entry.denied->rights;
    before = entry.who.kind;
  }
  return granted - denied;
}

Result<void> Acl::change(const AclChange& change, const std::string& owner) {
  auto who = change.who;
  bool is_of_owner = who.kind == Kind::Owner || who == Identifier{Kind::User, owner};
  if (is_of_owner && !has(who)) who = Identifier{Kind::Owner, ""};
  if (!has(who) && entries_.size() >= entries_max) {
    return Error(
        550, ResponseCode::Limit,
        "A mailbox can be shared with " + std::to_string(entries_max) + " identifiers at most");
  }
  auto& found = entry(who);
  auto& grant = change.denies ? found.denied : found.granted;
  // What is added to, or taken from, an owner without a line are all rights.
  bool starts_with_all = is_of_owner && !change.denies && !grant;
  Grant fresh = grant.value_or(Grant{starts_with_all ? Rights::all() : Rights(), {}});
  switch (change.mode) {
    case AclChange::Mode::Replace:
      fresh = Grant{change.rights, {}};
      break;
    case AclChange::Mode::Add:
      fresh.rights = fresh.rights | change.rights;
      break;
    case AclChange::Mode::Remove:
      fresh.rights = fresh.rights - change.rights;
      break;
  }
  if (is_of_owner && change.denies) fresh.rights = fresh.rights - Rights::Administer;
  if (is_of_owner && !change.denies) fresh.rights = fresh.rights | Rights::Administer;
  grant.reset();
  if (!change.removes && !fresh.empty()) grant = std::move(fresh);
  drop_empty();
  return {};
}

void Acl::show_owner_as(const std::string& owner) {
  Identifier by_name{Kind::User, owner};
  if (has(by_name)) return;
  auto found = std::ranges::find(entries_, Identifier{Kind::Owner, ""}, &Entry::who);
  Entry shown{by_name, Grant{Rights::all(), {}}, {}};
  if (found != entries_.end()) {
    if (found->granted) shown.granted = std::move(found->granted);
    shown.denied = std::move(found->denied);
    entries_.erase(found);
  }
  entry(by_name) = std::move(shown);
}

bool Acl::rename_user(const std::string& from, const std::string& to) {
  auto found = std::ranges::find(entries_, Identifier{Kind::User, from}, &Entry::who);
  if (found == entries_.end()) return false;
  auto moved = std::move(*found);
  entries_.erase(found);
  if (to.empty()) return true;
  auto& target = entry({Kind::User, to});
  target.granted = std::move(moved.granted);
  target.denied = std::move(moved.denied);
  return true;
}

bool Acl::has(const Identifier& who) const {
  return std::ranges::find(entries_, who, &Entry::who) != entries_.end();
}

Acl::Entry& Acl::entry(const Identifier& who) {
  auto at = std::ranges::lower_bound(entries_, who, {}, &Entry::who);
  if (at == entries_.end() || at->who != who) at = entries_.insert(at, Entry{who, {}, {}});
  return *at;
}

void Acl::drop_empty() {
  std::erase_if(entries_, [](const Entry& entry) { return !entry.granted && !entry.denied; });
}

}  // namespace pennypost::store
