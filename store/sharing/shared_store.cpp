#include "store/sharing/shared_store.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/log/log.h"
#include "common/mail/idn.h"
#include "store/mailbox/folder_store.h"
#include "store/sharing/guarded_mailbox.h"

namespace pennypost::store {
namespace {

// Stands for the separator in an owner's name; no own user's name holds it.
constexpr char hidden_separator = '^';
// With one of these, a mailbox is more than read.
constexpr Rights changing_rights =
    Rights::Write | Rights::WriteSeen | Rights::WriteDeleted | Rights::Insert | Rights::Expunge;

bool is_missing(const Error& error) { return error.response_code() == ResponseCode::NonExistent; }

// A name that the store has, or is to find missing: without the limits of new names.
Result<MailboxName> any_name(const std::string& text, char separator) {
  return MailboxName::parse(text, separator, SIZE_MAX, SIZE_MAX);
}

// RFC 4314 section 6: the same whether there is such a user, and such a mailbox, or not.
Error may_not_create(const MailboxName& name) {
  return refusal(Rights::Lookup, Deed::CreateBelow, name);
}

}  // namespace

NamespaceSettings namespace_settings(const Config& config, const AccountRef& account) {
  NamespaceSettings names;
  names.user = account.name;
  for (auto group : words(account.acl_groups, ",")) names.groups.emplace_back(group);
  names.realm = config.auth_realm;
  names.shared_prefix = config.namespace_shared_prefix;
  names.aliases = config.namespace_aliases;
  names.are_aliases_hidden = config.namespace_aliases_hidden;
  names.are_aliases_listed = config.namespace_aliases_list;
  return names;
}

SharedStore::SharedStore(std::unique_ptr<MailStore> own, NamespaceSettings names,
                         std::shared_ptr<OtherUsers> others)
    : own_(std::move(own)), names_(std::move(names)), others_(std::move(others)) {
  if (names_.shared_prefix.ends_with(own_->separator())) names_.shared_prefix.pop_back();
}

// --- names -----------------------------------------------------------------------------

std::string SharedStore::shared_head() const { return names_.shared_prefix + own_->separator(); }

bool SharedStore::is_shared_name(const MailboxName& name) const {
  return others_ && name.text().starts_with(shared_head());
}

// The alias that the name begins with.
std::optional<std::string> SharedStore::alias_of(const MailboxName& name) const {
  for (const auto& alias : names_.aliases) {
    bool is_whole = alias.ends_with(own_->separator()) && alias != settings().namespace_prefix;
    bool has_more = name.text().size() > alias.size();
    if (is_whole && has_more && name.text().starts_with(alias)) return alias;
  }
  return std::nullopt;
}

// By which our own store knows it.
MailboxName SharedStore::own_name(const MailboxName& name) const {
  auto alias = alias_of(name);
  if (!alias) return name;
  auto rest = name.text().substr(alias->size());
  if (equal_nocase(rest, "INBOX")) return MailboxName::inbox();
  auto own = any_name(settings().namespace_prefix + rest, separator());
  return own ? *std::move(own) : name;
}

std::string SharedStore::shown_owner(const std::string& owner) const {
  auto shown = owner;
  std::ranges::replace(shown, own_->separator(), hidden_separator);
  return shown;
}

bool SharedStore::is_personal(const MailboxName& name) const {
  return !is_shared_name(name) && !alias_of(name);
}

std::optional<std::string> SharedStore::owner_of(const MailboxName& name) const {
  if (!is_shared_name(name)) return std::nullopt;
  auto rest = name.text().substr(shared_head().size());
  auto owner = rest.substr(0, rest.find(separator()));
  std::ranges::replace(owner, hidden_separator, separator());
  return owner;
}

std::vector<Namespace> SharedStore::namespaces() const {
  using Kind = Namespace::Kind;
  std::vector<Namespace> all{{Kind::Personal, settings().namespace_prefix}};
  if (!names_.are_aliases_hidden) {
    for (const auto& alias : names_.aliases) {
      if (alias.ends_with(separator())) all.push_back({Kind::Personal, alias});
    }
  }
  if (others_) all.push_back({Kind::OtherUsers, shared_head()});
  return all;
}

Result<void> SharedStore::check_name(const MailboxName& name) const {
  if (is_shared_name(name)) return {};  // find() looks at the rest
  return own_->check_name(own_name(name));
}

// --- rights ----------------------------------------------------------------------------

Result<SharedStore::Place> SharedStore::find(const MailboxName& name) {
  Place place;
  place.shown = name;
  if (!is_shared_name(name)) {
    place.store = own_.get();
    place.name = own_name(name);
    place.owner = names_.user;
    return place;
  }
  auto rest = name.text().substr(shared_head().size());
  auto end = rest.find(separator());
  if (end == rest.npos) return no_such_mailbox(name);
  place.owner = owner_of(name).value_or("");
  if (place.owner == names_.user) return no_such_mailbox(name);
  TRY(place.opened, others_->open(place.owner, separator()));
  if (!place.opened) return no_such_mailbox(name);
  place.store = place.opened.get();
  rest.erase(0, end + 1);
  bool is_inbox = equal_nocase(rest, "INBOX");
  auto there = place.store->parse_name(is_inbox ? rest : settings().namespace_prefix + rest);
  if (!there) return no_such_mailbox(name);
  place.name = *std::move(there);
  return place;
}

Visitor SharedStore::visitor(bool is_owner) const {
  Visitor we{names_.user, is_owner};
  we.groups = names_.groups;
  auto at = names_.user.rfind('@');
  if (at != names_.user.npos && names_.user.substr(at + 1) == names_.realm) {
    we.short_name = names_.user.substr(0, at);
  }
  return we;
}

Result<Rights> SharedStore::rights_at(const Place& place) const {
  if (!others_) return Rights::all();
  auto file = AclFile::of(*place.store, place.name);
  if (file) return file->rights_of(visitor(place.is_own()));
  if (!is_missing(file.error())) return std::move(file).error();
  return place.is_own() ? Rights::all() : Rights();
}

Result<void> SharedStore::check(Place& place, Deed deed) {
  TRY(place.rights, rights_at(place));
  if (allows(place.rights, deed)) return {};
  return refusal(place.rights, deed, place.shown);
}

Result<SharedStore::Place> SharedStore::admit(const MailboxName& name, Deed deed) {
  TRY(auto place, find(name));
  TRY_DO(check(place, deed));
  return place;
}

// For a mailbox that is to be made: the right is needed on the next one above it, whose list it
// inherits. With nothing above it, it is for the owner alone.
Result<SharedStore::Place> SharedStore::admit_new(const MailboxName& name,
                                                  std::optional<Acl>& inherited) {
  auto found = find(name);
  if (!found && is_missing(found.error())) return may_not_create(name);
  if (!found || !others_) return found;
  auto above = names_above(found->name, separator());
  for (auto at = above.rbegin(); at != above.rend(); ++at) {
    auto parent = *found;
    parent.name = *at;
    auto file = AclFile::of(*parent.store, parent.name);
    if (!file && is_missing(file.error())) continue;
    if (!file) return std::move(file).error();
    if (!check(parent, Deed::CreateBelow)) return may_not_create(name);
    auto acl = file->read();
    if (acl && !acl->empty()) inherited = *std::move(acl);
    return found;
  }
  if (found->is_own()) return found;
  return may_not_create(name);
}

// --- mailboxes -------------------------------------------------------------------------

Result<void> SharedStore::make(const MailboxName& name, bool is_parent) {
  std::optional<Acl> inherited;
  TRY(auto place, admit_new(name, inherited));
  if (is_parent) {
    TRY_DO(place.store->create_parent(place.name));
  } else {
    TRY_DO(place.store->create(place.name));
  }
  if (!inherited) return {};
  auto file = AclFile::of(*place.store, place.name);
  auto written = file ? file->write(*inherited) : Result<void>(file.error());
  if (!written) (void)place.store->remove(place.name);
  return written;
}

Result<void> SharedStore::create(const MailboxName& name) { return make(name, false); }
Result<void> SharedStore::create_parent(const MailboxName& name) { return make(name, true); }

Result<void> SharedStore::remove(const MailboxName& name) {
  TRY(auto place, admit(name, Deed::Remove));
  return place.store->remove(place.name);
}

Result<void> SharedStore::rename(const MailboxName& from, const MailboxName& to) {
  TRY(auto source, admit(from, Deed::Remove));
  std::optional<Acl> inherited;
  TRY(auto target, admit_new(to, inherited));
  if (!source.is_in_same_store(target)) {
    return Error(550, ResponseCode::Cannot,
                 "A mailbox can't be given to another user; copy its messages");
  }
  if (!source.is_own()) {
    if (source.name.is_inbox()) return refusal(Rights::Lookup, Deed::Remove, from);
    TRY_DO(check_all_below(source));
  }
  return source.store->rename(source.name, target.name);
}

// What is below goes along, so the right is needed there, too.
Result<void> SharedStore::check_all_below(const Place& place) {
  TRY(auto folders, place.store->list());
  for (const auto& folder : folders) {
    if (!folder.exists || !is_below(folder.name, place.name, separator())) continue;
    auto below = place;
    below.name = folder.name;
    if (!check(below, Deed::Remove)) return refusal(Rights::Lookup, Deed::Remove, place.shown);
  }
  return {};
}

Result<Status> SharedStore::status(const MailboxName& name, bool with_size) {
  TRY(auto place, admit(name, Deed::Read));
  return place.store->status(place.name, with_size);
}

Result<std::unique_ptr<Mailbox>> SharedStore::open(const MailboxName& name, Access access) {
  TRY(auto place, admit(name, Deed::Read));
  if (!place.rights.has_any(changing_rights)) access = Access::ReadOnly;
  TRY(auto inner, place.store->open(place.name, access));
  return std::unique_ptr<Mailbox>(
      std::make_unique<GuardedMailbox>(*this, std::move(place), std::move(inner)));
}

Result<Appended> SharedStore::append(const MailboxName& name,
                                     std::span<const NewMessage> messages) {
  TRY(auto place, admit(name, Deed::Insert));
  auto may = changeable_with(place.rights);
  std::vector<NewMessage> allowed(messages.begin(), messages.end());
  for (auto& message : allowed) {
    message.flags = message.flags - (Flags(Flags::all_bits) - may.flags);
    if (!may.keywords) message.keywords.clear();
  }
  return place.store->append(place.name, allowed);
}

Result<void> SharedStore::check_target(const MailboxName& name) {
  TRY(auto place, admit(name, Deed::Insert));
  return place.store->check_target(place.name);
}

bool SharedStore::counts_for_quota(const MailboxName& name) const {
  return !is_shared_name(name) && own_->counts_for_quota(own_name(name));
}

Result<AnnotationFile> SharedStore::annotations(const std::optional<MailboxName>& name) {
  if (!name) return own_->annotations(name);
  TRY(auto place, admit(*name, Deed::Annotate));
  TRY(auto file, place.store->annotations(place.name));
  if (place.is_own()) return file;
  AnnotationFile::Visit visit;
  TRY(visit.private_path, private_annotations_of(place));
  if (!allows(place.rights, Deed::AnnotateForAll)) {
    visit.refusal = refusal(place.rights, Deed::AnnotateForAll, *name);
  }
  visit.told_private = [place] {
    auto mailbox = place.store->open(place.name, Access::ReadOnly);
    if (mailbox) (*mailbox)->count_on();
  };
  return file.as_visited(std::move(visit));
}

// Beside our account's annotations, a file for each mailbox of others. It bears the mailbox's id,
// which is the same under another name; one that only counts is an id among its owner's mailboxes.
Result<std::string> SharedStore::private_annotations_of(const Place& place) {
  TRY(auto mailbox, place.store->open(place.name, Access::ReadOnly));
  auto id = mailbox->id();
  bool is_plain = std::ranges::all_of(id, is_alnum) && !id.empty() && id.size() <= id_octets_max;
  bool only_counts = id.starts_with('V');
  if (!is_plain || (only_counts && place.owner.find('/') != place.owner.npos)) {
    return Error(
        550, ResponseCode::Cannot,
        "This mailbox has no id by which its annotations could be kept: " + place.shown.text());
  }
  TRY(auto account, own_->annotations(std::nullopt));
  return account.beside("." + (only_counts ? place.owner + "." : "") + id).path();
}

Result<std::string> SharedStore::directory_of(const MailboxName& name) {
  TRY(auto place, admit(name, Deed::Read));
  return place.store->directory_of(place.name);
}

Result<std::vector<std::string>> SharedStore::watch_paths() {
  TRY(auto paths, own_->watch_paths());
  if (!others_) return paths;
  if (const auto& all = others_->shares().directory(); FileStamp::of(all).exists()) {
    paths.push_back(all);
  }
  auto owners = others_->shares().owners_for(visitor(true));
  if (owners.size() > watched_owners_max) owners.resize(watched_owners_max);
  for (const auto& owner : owners) {
    auto store = others_->open(owner, separator());
    if (!store || !*store) continue;
    auto root = (*store)->directory_of(MailboxName::inbox());
    if (root && FileStamp::of(*root).exists()) paths.push_back(*std::move(root));
  }
  return paths;
}

Result<void> SharedStore::place(const Delivery& delivery, const MailboxName& name,
                                const Placement& placement) {
  if (is_shared_name(name)) {
    return Error(550, ResponseCode::NoPerm,
                 "Mail is not delivered into another user's mailbox: " + name.text());
  }
  return own_->place(delivery, own_name(name), placement);
}

// --- the rights' own commands ----------------------------------------------------------

Result<Rights> SharedStore::my_rights(const MailboxName& name) {
  TRY(auto place, admit(name, Deed::AskRights));
  if (!place.store->directory_of(place.name)) return no_such_mailbox(name);
  return place.rights;
}

Result<Acl> SharedStore::acl(const MailboxName& name) {
  TRY(auto place, admit(name, Deed::Administer));
  TRY(auto file, AclFile::of(*place.store, place.name));
  TRY(auto acl, file.read());
  acl.show_owner_as(place.owner);
  return acl;
}

Result<void> SharedStore::check_identifier(const MailboxName& name, const Identifier& who) {
  TRY_DO(admit(name, Deed::Administer));
  using Kind = Identifier::Kind;
  if (who.kind == Kind::Anyone || who.kind == Kind::Authenticated) {
    return Error(550, ResponseCode::Cannot,
                 "Only the administrator of this host can share a mailbox with all of its users");
  }
  return {};
}

bool SharedStore::is_owner(const MailboxName& name, const Identifier& who) {
  if (who.kind == Identifier::Kind::Owner) return true;
  auto place = find(name);
  return place && who.kind == Identifier::Kind::User && account_name(who.name) == place->owner;
}

Result<void> SharedStore::change_acl(const MailboxName& name, const AclChange& change) {
  TRY(auto place, admit(name, Deed::Administer));
  bool is_taking = change.removes || change.denies || change.mode == AclChange::Mode::Remove ||
                   change.rights.empty();
  if (!is_taking) {
    TRY_DO(check_identifier(name, change.who));
  }
  TRY(auto file, AclFile::of(*place.store, place.name));
  TRY_DO(file.change([&](Acl& acl) {
    auto meant = change;
    bool is_user = meant.who.kind == Identifier::Kind::User;
    if (is_user && !acl.has(meant.who)) meant.who.name = account_name(meant.who.name);
    return acl.change(meant, place.owner);
  }));
  auto counted = others_->shares().recount(place.owner, *place.store);
  if (!counted) {
    log_warning("acl", names_.user + ": " + name.text() +
                           " is shared, but will not be listed: " + counted.error().text());
  }
  return {};
}

// As the account is called, whether there is one or not.
std::string SharedStore::account_name(const std::string& user) const {
  auto at_realm = user.find('@') == user.npos ? user + "@" + names_.realm : user;
  return folded_address(at_realm);
}

}  // namespace pennypost::store
