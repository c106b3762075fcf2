#include "smtpd/routing/router.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "common/base/text.h"
#include "common/mail/idn.h"
#include "common/mail/status.h"
#include "store/maps/address_lookup.h"
#include "store/maps/generation.h"

namespace pennypost::smtp {
namespace {

using store::MapList;

Resolution expansion(std::vector<Recipient> children) {
  Resolution resolution;
  resolution.is_expansion = true;
  resolution.children = std::move(children);
  return resolution;
}

Resolution error_route(std::string status, std::string text) {
  Resolution resolution;
  resolution.is_error = true;
  resolution.route.transport = Transport::Error;
  resolution.route.status = std::move(status);
  resolution.route.next_hop = std::move(text);
  return resolution;
}

/// An Error route from text that may begin with a status code, as `error:5.7.1 text` does.
Resolution error_route_of_text(std::string_view text, const char* default_status) {
  auto status = EnhancedStatus::take(text);
  return error_route(status ? status->text() : default_status, std::string(text));
}

/// A permanent Error is a route to the bounce; a temporary one stays an Error.
Result<Resolution> resolution_of(const Error& error) {
  if (error.is_temporary()) return error;
  return error_route_of_text(error.text(), "5.0.0");
}

/// Mail that nobody gets, and what the log says of it.
Resolution discard(std::string text) {
  Resolution resolution;
  resolution.route.transport = Transport::Discard;
  resolution.route.next_hop = std::move(text);
  return resolution;
}

Resolution by_name(Resolution resolution, std::string transport) {
  resolution.route.name = std::move(transport);
  return resolution;
}

std::string domain_key(const MailAddress& address) {
  return address.domain() ? address.domain()->key() : std::string();
}

/// The addresses on the right side of an address table.
Result<std::vector<std::string>> addresses_of(std::string_view value) {
  TRY(auto items, store::parse_alias_items(value));
  std::vector<std::string> list;
  for (auto& item : items) {
    if (item.kind != store::AliasItem::Kind::Address) {
      return Error::temporary("4.3.5 " + printable(item.text, 100) +
                              " stands where only addresses may");
    }
    list.push_back(std::move(item.text));
  }
  return list;
}

std::optional<std::string> name_of_user(std::uint32_t uid) {
  std::array<char, 65536> buffer;
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) {
    return {};
  }
  return std::string(entry.pw_name);
}

/// The table of the default need not be there: a fresh host may have no aliases.
store::MapOptions alias_options(const Config& config, store::MapOptions options) {
  options.absent_is_empty = config.where("alias_maps").starts_with("default of ");
  if (!options.absent_is_empty || !options.on_problem) return options;
  for (const auto& table : config.alias_maps) {
    if (table.type != "hash" || !store::is_table_absent(table.name)) continue;
    options.on_problem(
        table.name + " does not exist: this host has no aliases, and mail for root " +
        "and postmaster waits; write it, with a line \"root: NAME\", and run newaliases");
  }
  return options;
}

}  // namespace

Router::Host Router::Host::of_system(const Config& config) {
  Host host;
  host.own_addresses = smtp::own_addresses(config);
  host.file_owner = [](const std::string& path) -> std::optional<std::uint32_t> {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return {};
    return status.st_uid;
  };
  auto bytes_max = static_cast<std::size_t>(config.dot_forward_bytes_max);
  host.own_uid = ::geteuid();
  host.read_list = [bytes_max, own_uid = host.own_uid](const std::string& path) {
    return read_list_of_admin(path, own_uid, bytes_max);
  };
  host.user_name = name_of_user;
  return host;
}

Result<Router> Router::open(std::shared_ptr<const Config> config,
                            std::shared_ptr<const AccountFinder> accounts, Host host,
                            const store::MapOptions& options) {
  Router router;
  TRY(router.domains_, Domains::open(*config, host.own_addresses, options));
  TRY(router.virtual_aliases_, MapList::open(config->virtual_alias_maps, options));
  TRY(router.aliases_, MapList::open(config->alias_maps, alias_options(*config, options)));
  TRY(router.canonical_, Canonical::open(*config, options));
  TRY(router.relocated_, MapList::open(config->relocated_maps, options));
  TRY(router.transports_, MapList::open(config->transport_maps, options));
  TRY(router.relay_recipients_, MapList::open(config->relay_recipient_maps, options));
  TRY(router.local_recipients_, MapList::open(config->local_recipient_maps, options));
  TRY(router.sender_relayhosts_, MapList::open(config->sender_dependent_relayhost_maps, options));
  TRY(router.tls_policies_, MapList::open(config->smtp_tls_policy_maps, options));
  TRY(router.sasl_passwords_, MapList::open(config->smtp_sasl_password_maps, options));
  router.config_ = std::move(config);
  router.accounts_ = std::move(accounts);
  router.host_ = std::move(host);
  return router;
}

Result<Resolution> Router::resolve(const Recipient& recipient, const std::string& sender) const {
  return resolve_for(Purpose::Delivery, recipient, sender);
}

Result<Resolution> Router::resolve_for(Purpose purpose, const Recipient& recipient,
                                       const std::string& sender) const {
  if (recipient.kind != RecipientKind::Address) return program(recipient);
  auto resolution = resolve_address(purpose, recipient, sender);
  if (!resolution) return resolution_of(resolution.error());
  return resolution;
}

Result<Resolution> Router::program(const Recipient& recipient) const {
  Resolution resolution;
  resolution.route.transport = recipient.kind == RecipientKind::Command ? Transport::Pipe
                               : recipient.kind == RecipientKind::File  ? Transport::File
                                                                        : Transport::Include;
  resolution.route.next_hop = recipient.address;
  if (recipient.run_as.empty()) return resolution;
  TRY(auto account, accounts_->by_name(recipient.run_as));
  if (!account) return error_route("5.1.1", "unknown user: \"" + recipient.run_as + "\"");
  resolution.route.account = std::move(*account);
  return resolution;
}

Result<Resolution> Router::resolve_address(Purpose purpose, const Recipient& recipient,
                                           const std::string& sender) const {
  std::string text =
      recipient.address.empty() ? config_->empty_address_recipient : recipient.address;
  auto complete = complete_address(text, *config_);
  if (!complete) return error_route("5.1.3", "bad address syntax: " + printable(text, 200));
  TRY(auto address, MailAddress::parse(*complete, Utf8::Allowed));
  if (!address.domain()) return local(purpose, recipient, address);
  TRY(auto domain, domains_.classify(*address.domain()));
  if (!recipient.is_self && !recipient.is_virtual_self) {
    TRY(auto other, rewritten(address, domain, recipient.depth == 0));
    if (other) {
      Recipient child = recipient;
      child.address = other->text();
      std::vector<Recipient> children;
      children.push_back(std::move(child));
      return expansion(std::move(children));
    }
    TRY(auto expanded, virtual_alias(recipient, address, domain));
    if (expanded) return std::move(*expanded);
  }
  if (domain == DomainClass::VirtualAlias) {
    return error_route("5.1.1", "User unknown in virtual alias table");
  }
  TRY(auto moved, moved_to(address, domain));
  if (moved) return error_route("5.1.6", "User has moved to " + printable(*moved, 500));
  if (domain == DomainClass::Local) return local(purpose, recipient, address);
  if (domain == DomainClass::Relay) {
    TRY(bool is_known, is_relay_recipient(address));
    if (!is_known) return error_route("5.1.1", "User unknown in relay recipient table");
  }
  return onward(address, domain, sender);
}

/// Step 1: nothing where the address stays as it is.
Result<std::optional<MailAddress>> Router::rewritten(const MailAddress& address, DomainClass domain,
                                                     bool is_first) const {
  std::optional<MailAddress> other;
  auto hidden = domain == DomainClass::Local ? address.hidden_route() : std::nullopt;
  if (hidden) {
    bool is_taken = (hidden->kind == HiddenRoute::Kind::Percent && config_->allow_percent_hack) ||
                    (hidden->kind == HiddenRoute::Kind::Bang && config_->swap_bangpath);
    auto destination = Domain::parse(hidden->destination, Utf8::Allowed);
    if (is_taken && destination) {
      TRY(other, MailAddress::make(hidden->user, std::move(*destination)));
      return other;
    }
  }
  if (!is_first) return other;
  TRY(auto canonical, canonical_.rewritten(AddressClass::EnvelopeRecipient, address, *config_,
                                           [this](const auto& now) { return is_own(now); }));
  if (canonical != address) other = std::move(canonical);
  return other;
}

Result<bool> Router::is_own(const MailAddress& address) const {
  if (!address.domain()) return true;
  TRY(auto domain, domains_.classify(*address.domain()));
  return is_own(domain, address);
}

Result<Canonicalize::Rewritten> Router::canonicalize(const Canonicalize& ask) const {
  Canonicalize::Rewritten rewritten;
  if (!ask.sender.empty()) {
    TRY(rewritten.sender, canonical_text(AddressClass::EnvelopeSender, ask.sender));
  }
  for (const auto& address : ask.in_header) {
    auto what = address.is_recipient ? AddressClass::HeaderRecipient : AddressClass::HeaderSender;
    TRY(auto text, canonical_text(what, address.text));
    rewritten.in_header.push_back(std::move(text));
  }
  return rewritten;
}

/// What is no address stays as it is.
Result<std::string> Router::canonical_text(AddressClass what, const std::string& text) const {
  auto address = MailAddress::parse(text, Utf8::Allowed);
  if (!address || address->is_null()) return text;
  TRY(auto canonical, canonical_.rewritten(what, *address, *config_,
                                           [this](const auto& now) { return is_own(now); }));
  return canonical == *address ? text : canonical.text();
}

bool Router::propagates(std::string_view what) const {
  const auto& list = config_->propagate_unmatched_extensions;
  return std::find(list.begin(), list.end(), what) != list.end();
}

/// Whether bare names are looked up for it, as virtual(5) has it: myorigin, mydestination, our
/// literals.
bool Router::is_own(DomainClass domain, const MailAddress& address) const {
  return domain == DomainClass::Local ||
         (address.domain() &&
          "@" + address.domain()->key() == folded_address("@" + config_->myorigin));
}

Result<std::optional<Resolution>> Router::virtual_alias(const Recipient& recipient,
                                                        const MailAddress& address,
                                                        DomainClass domain) const {
  std::optional<Resolution> none;
  TRY(auto match, store::lookup_address(virtual_aliases_, address.local(), domain_key(address),
                                        config_->recipient_delimiter, is_own(domain, address)));
  if (!match) return none;
  auto targets = addresses_of(match->value);
  if (!targets) return Error::temporary("4.3.5 virtual_alias_maps: " + targets.error().text());
  if (targets->size() > static_cast<std::size_t>(config_->virtual_alias_expansion_limit)) {
    return Error(554, "5.4.6 " + address.text() +
                          " leads to more than virtual_alias_expansion_limit addresses");
  }
  std::string extension = propagates("virtual") ? match->unmatched_extension : "";
  std::vector<Recipient> children;
  for (const auto& text : *targets) {
    auto target = target_address(text, address, extension, *config_);
    if (!target) {
      return Error::temporary("4.3.5 virtual_alias_maps: " + address.text() + " leads to \"" +
                              printable(text, 100) + "\", which is no address");
    }
    // It means itself, as catch-alls do that spare an address: no expansion at all.
    if (targets->size() == 1 && target->folded_key() == address.folded_key()) return none;
    Recipient child = recipient;
    child.address = target->text();
    // Not asked here again, but it may still be a name of alias_maps.
    child.is_virtual_self = target->folded_key() == address.folded_key();
    children.push_back(std::move(child));
  }
  if (children.empty()) return std::optional(error_route("5.1.1", "virtual alias without address"));
  return std::optional(expansion(std::move(children)));
}

// Final domains.

Result<Resolution> Router::local(Purpose purpose, const Recipient& recipient,
                                 const MailAddress& address) const {
  TRY(auto named, transport_of(address));
  std::string setting =
      named && !named->empty() && !named->starts_with(':') ? *named : config_->local_transport;
  auto transport = TransportName::parse(setting);
  if (transport.name != "local" && transport.name != "virtual") {
    return by_transport(setting, address, domain_key(address));
  }
  if (!recipient.is_self) {
    TRY(auto expanded, alias(purpose, recipient, address));
    if (expanded) return std::move(*expanded);
  }
  TRY(auto found, mailbox(address));
  return by_name(std::move(found), transport.name);
}

/// Own users may have an alias of their full address, too; a name may be written with its
/// extension.
Result<std::optional<std::string>> Router::alias_value(std::string_view name) const {
  return aliases_.lookup(name, MapList::Key::Whole);
}

Result<std::optional<Resolution>> Router::alias(Purpose purpose, const Recipient& recipient,
                                                const MailAddress& address) const {
  std::string name = address.local();
  TRY(auto value, alias_value(name));
  auto split = store::split_local_part(address.local(), config_->recipient_delimiter);
  std::string extension;
  if (!value && split.delimiter != '\0') {
    name = std::string(split.user);
    if (propagates("alias")) extension = address.local().substr(split.user.size());
    TRY(value, alias_value(name));
  }
  std::optional<Resolution> none;
  if (!value) return none;
  auto items = store::parse_alias_items(*value);
  if (!items) return Error::temporary("4.3.5 alias " + name + ": " + items.error().text());
  bool is_one_address =
      items->size() == 1 && items->front().kind == store::AliasItem::Kind::Address;
  if (purpose == Purpose::Rcpt && !items->empty() && !is_one_address) {
    return std::optional(expansion({}));
  }
  Recipient parent = recipient;
  TRY(auto owner, alias_value("owner-" + name));
  if (owner) {
    // RFC 3461 section 5.2.7.1: a mailing list. Its members' reports are the owner's affair, and
    // what the sender asked for ends here.
    parent.notify = notify_default;
    parent.orcpt.clear();
    parent.has_own_sender = true;
    TRY(parent.sender, complete_address("owner-" + name, *config_));
    auto owner_items = store::parse_alias_items(*owner);
    if (config_->expand_owner_alias && owner_items && owner_items->size() == 1 &&
        owner_items->front().kind == store::AliasItem::Kind::Address) {
      TRY(parent.sender, complete_address(owner_items->front().text, *config_));
    }
  }
  ExpansionRules rules;
  rules.place = "alias";
  rules.distrust = distrust_of_aliases();
  rules.read_list = [this](const std::string& path) { return included(path); };
  TRY(auto children, expand_items(*items, parent, *config_, rules));
  // Mail that nobody gets is returned, never thrown away in silence.
  if (children.empty()) {
    return std::optional(error_route("5.2.4", "the alias " + name + " leads to nobody"));
  }
  if (!extension.empty()) {
    for (auto& child : children) {
      if (child.kind != RecipientKind::Address) continue;
      TRY(auto target, MailAddress::parse(child.address, Utf8::Allowed));
      TRY(auto extended, target.with_local(target.local() + extension));
      child.address = extended.text();
    }
  }
  // An alias that names only itself is a mailbox.
  if (children.size() == 1 && children[0].kind == RecipientKind::Address) {
    TRY(auto only, MailAddress::parse(children[0].address, Utf8::Allowed));
    if (only.folded_key() == address.folded_key() && !owner) return none;
  }
  return std::optional(expansion(std::move(children)));
}

/// Whoever may write an alias table may run commands and see lists: it must be root's (without
/// root: ours). The first that is not.
std::optional<Router::UsersTable> Router::users_alias_table() const {
  for (const auto& table : config_->alias_maps) {
    bool is_file = table.name.starts_with('/');
    auto owner = is_file ? host_.file_owner(table.name) : std::nullopt;
    if (owner && *owner != 0 && *owner != host_.own_uid) return UsersTable{table.name, *owner};
  }
  return {};
}

std::string Router::distrust_of_aliases() const {
  auto table = users_alias_table();
  if (!table) return {};
  return table->name +
         " is not owned by root, so its commands and files are not used; chown root " + table->name;
}

/// The system user of this uid, if it may have mail here: then there is a process that reads for
/// it.
Result<std::optional<std::string>> Router::reader_of(std::uint32_t uid) const {
  auto name = host_.user_name(uid);
  if (!name) return std::optional<std::string>();
  TRY(auto account, accounts_->by_name(*name));
  bool is_it = account && account->is_system && account->uid == uid;
  return is_it ? std::move(name) : std::nullopt;
}

/// A list that an alias includes: root's is read here, a user's by a process of that user. What a
/// user's table includes is read by a process of the table's owner.
Result<IncludedList> Router::included(const std::string& path) const {
  IncludedList included;
  if (auto table = users_alias_table()) {
    TRY(auto reader, reader_of(table->owner));
    if (!reader) return Error::temporary(table->name + " names it, which is not owned by root");
    included.read_by = *std::move(reader);
    return included;
  }
  TRY(auto list, host_.read_list(path));
  bool is_ours = list.owner == 0 || list.owner == host_.own_uid;
  if (!is_ours) {
    TRY(auto reader, reader_of(list.owner));
    if (reader) {
      included.read_by = *std::move(reader);
      return included;
    }
    included.distrust = path +
                        " is not owned by root or by a user who may have mail here, so only "
                        "its addresses are used, and only if everybody may read it; chown root " +
                        path;
    if (!list.is_public) return Error::temporary(included.distrust);
  }
  included.text = std::move(list.text);
  return included;
}

Result<Resolution> Router::mailbox(const MailAddress& address) const {
  auto account = accounts_->by_address(address.local(), domain_key(address));
  if (!account) return account.error();
  // `local` and `virtual` are what follows here.
  auto transport = TransportName::parse(config_->mailbox_transport).name;
  bool is_elsewhere = !transport.empty() && transport != "local" && transport != "virtual";
  if (is_elsewhere && !*account) {
    TRY(auto further, store::lookup_address(local_recipients_, address.local(), domain_key(address),
                                            config_->recipient_delimiter, true));
    is_elsewhere = further.has_value();
  }
  if (is_elsewhere) {
    return by_transport(config_->mailbox_transport, address, domain_key(address));
  }
  if (!*account) return nobody(address);
  Resolution resolution;
  resolution.route.transport = Transport::Local;
  resolution.route.account = std::move(**account);
  return resolution;
}

Result<Resolution> Router::nobody(const MailAddress& address) const {
  const std::string& local = address.local();
  // RFC 5321 section 4.5.1: postmaster is always there.
  if (equal_nocase(local, "postmaster")) {
    return Error(
        exists_but_takes_no_mail,
        "4.3.5 nobody reads postmaster's mail; add to /etc/aliases \"postmaster: NAME\" and run "
        "newaliases");
  }
  if (equal_nocase(local, config_->double_bounce_sender)) {
    return discard("undeliverable postmaster notification discarded");
  }
  if (equal_nocase(local, "mailer-daemon")) {
    Recipient to_postmaster;
    TRY(to_postmaster.address, complete_address("postmaster", *config_));
    std::vector<Recipient> children;
    children.push_back(std::move(to_postmaster));
    return expansion(std::move(children));
  }
  return error_route("5.1.1", "unknown user: \"" + printable(local, 200) + "\"");
}

// Onward.

Result<std::optional<std::string>> Router::moved_to(const MailAddress& address,
                                                    DomainClass domain) const {
  std::optional<std::string> none;
  if (relocated_.empty()) return none;
  TRY(auto match, store::lookup_address(relocated_, address.local(), domain_key(address),
                                        config_->recipient_delimiter, is_own(domain, address)));
  if (!match) return none;
  return std::optional(std::move(match->value));
}

/// transport(5): the whole address, without its extension, the domain, the domains above it as
/// `.example.com` (where parent_domain_matches_subdomains says so, as `example.com` too), and `*`.
Result<std::optional<std::string>> Router::transport_of(const MailAddress& address) const {
  std::optional<std::string> none;
  if (transports_.empty()) return none;
  std::string domain = domain_key(address);
  auto split = store::split_local_part(address.local(), config_->recipient_delimiter);
  const auto& matching = config_->parent_domain_matches_subdomains;
  bool are_plain = std::ranges::find(matching, "transport_maps") != matching.end();
  std::vector<std::pair<std::string, MapList::Key>> keys;
  keys.emplace_back(address.local() + "@" + domain, MapList::Key::Whole);
  if (split.delimiter != '\0') {
    keys.emplace_back(std::string(split.user) + "@" + domain, MapList::Key::Partial);
  }
  if (!domain.empty()) {
    keys.emplace_back(domain, MapList::Key::Partial);
    for (auto dot = domain.find('.'); dot != domain.npos && !domain.starts_with('[');
         dot = domain.find('.', dot + 1)) {
      keys.emplace_back(domain.substr(dot), MapList::Key::Partial);
      if (are_plain) keys.emplace_back(domain.substr(dot + 1), MapList::Key::Partial);
    }
  }
  keys.emplace_back("*", MapList::Key::Partial);
  for (const auto& [key, kind] : keys) {
    TRY(auto value, transports_.lookup(key, kind));
    if (value) return std::optional(std::string(trim(*value)));
  }
  return none;
}

Result<Resolution> Router::onward(const MailAddress& address, DomainClass domain,
                                  const std::string& sender) const {
  const std::string& default_setting =
      domain == DomainClass::Relay ? config_->relay_transport : config_->default_transport;
  TRY(auto named, transport_of(address));
  std::string domain_hop = domain_key(address);
  if (named && *named != ":" && !named->empty()) {
    auto transport = TransportName::parse(*named);
    if (transport.name.empty()) transport.name = TransportName::parse(default_setting).name;
    return by_transport(transport.name + ":" + transport.next_hop, address, domain_hop);
  }
  std::string next_hop = config_->relayhost.empty() ? domain_hop : config_->relayhost;
  TRY(auto of_sender, relayhost_of(sender));
  if (of_sender) next_hop = *std::move(of_sender);
  return by_transport(default_setting, address, next_hop);
}

/// What sender_dependent_relayhost_maps says; bounces are looked up as `<>`.
Result<std::optional<std::string>> Router::relayhost_of(const std::string& sender) const {
  std::optional<std::string> found;
  if (sender_relayhosts_.empty()) return found;
  if (sender.empty()) {
    TRY(found, sender_relayhosts_.lookup("<>", MapList::Key::Whole));
  } else if (auto from = MailAddress::parse(sender, Utf8::Allowed); from && from->domain()) {
    TRY(auto match, store::lookup_address(sender_relayhosts_, from->local(), domain_key(*from),
                                          config_->recipient_delimiter, false));
    if (match) found = std::move(match->value);
  }
  if (found) found = std::string(trim(*found));
  if (found && equal_nocase(*found, "DUNNO")) found.reset();
  return found;
}

Result<Resolution> Router::by_transport(std::string_view setting, const MailAddress& address,
                                        const std::string& default_next_hop) const {
  auto transport = TransportName::parse(setting);
  if (transport.name == "error") {
    return by_name(error_route_of_text(transport.next_hop, "5.0.0"), transport.name);
  }
  if (transport.name == "retry") {
    return by_name(error_route_of_text(transport.next_hop, "4.0.0"), transport.name);
  }
  if (transport.name == "discard") {
    return discard(transport.next_hop.empty() ? "discarded" : transport.next_hop);
  }
  if (transport.name == "local" || transport.name == "virtual") {
    TRY(auto found, mailbox(address));
    return by_name(std::move(found), transport.name);
  }
  if (transport.name != "smtp" && transport.name != "relay") {
    return Error::temporary("4.3.5 there is no transport \"" + printable(transport.name, 60) +
                            "\" here; there are local, smtp, relay, error, retry, discard");
  }
  Resolution resolution;
  resolution.route.transport = Transport::Smtp;
  resolution.route.name = transport.name;
  TRY(auto hop, hop_of(trim(transport.next_hop.empty() ? default_next_hop : transport.next_hop)));
  resolution.route.next_hop = std::move(hop.next_hop);
  resolution.route.tls_policy = std::move(hop.tls_policy);
  resolution.route.credentials = std::move(hop.credentials);
  for (const auto& relay : config_->smtp_fallback_relay) {
    // What is written wrong shows when it is needed, and stops no mail that goes without it.
    if (!NextHop::parse(relay)) {
      resolution.route.fallbacks.push_back(FallbackHop{relay, {}, {}});
      continue;
    }
    TRY(auto fallback, hop_of(relay));
    resolution.route.fallbacks.push_back(std::move(fallback));
  }
  return resolution;
}

/// A next hop and what the tables say of it.
Result<FallbackHop> Router::hop_of(std::string_view text) const {
  std::string written(text);
  TRY(auto hop, NextHop::parse(written));
  FallbackHop found;
  found.next_hop = hop.text();
  TRY(found.tls_policy, value_of_next_hop(tls_policies_, written, hop));
  if (config_->smtp_sasl_auth_enable) {
    TRY(found.credentials, value_of_next_hop(sasl_passwords_, written, hop));
  }
  return found;
}

/// Under the next hop as it is written (`[mail.example]:submission`), with its port as a number,
/// then under its host alone; empty: under none.
Result<std::string> Router::value_of_next_hop(const store::MapList& maps,
                                              const std::string& written,
                                              const NextHop& hop) const {
  if (maps.empty()) return std::string();
  for (const auto& key : {written, hop.text(), hop.host}) {
    TRY(auto value, maps.lookup(key, MapList::Key::Whole));
    if (value) return std::move(*value);
  }
  return std::string();
}

// What RCPT asks.

Result<bool> Router::is_relay_recipient(const MailAddress& address) const {
  if (relay_recipients_.empty()) return true;
  TRY(auto match, store::lookup_address(relay_recipients_, address.local(), domain_key(address),
                                        config_->recipient_delimiter, false));
  return match.has_value();
}

Result<Resolution> Router::destination(const MailAddress& address) const {
  Recipient recipient;
  recipient.address = address.text();
  for (std::int64_t step = 0; step <= config_->alias_depth_max; ++step) {
    TRY(auto resolution, resolve_for(Purpose::Rcpt, recipient, ""));
    bool leads_on = resolution.is_expansion && resolution.children.size() == 1 &&
                    resolution.children[0].kind == RecipientKind::Address;
    if (!leads_on) return resolution;
    auto depth = recipient.depth;
    recipient = std::move(resolution.children[0]);
    recipient.depth = static_cast<std::uint16_t>(depth + 1);
  }
  return error_route("5.4.6", "too many expansions lead to " + printable(recipient.address, 200));
}

}  // namespace pennypost::smtp
