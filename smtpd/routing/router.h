// One recipient in; what it expands to, or the route it takes, out.
//
// The order of look-ups (architecture.md, Accounts):
//   1. an address without a domain gets @myorigin; user%dest@here and dest!user@here become
//      user@dest; canonical maps rewrite what the client named
//   2. virtual_alias_maps, in any domain; virtual_alias_domains have no other users
//   3. final domains: alias_maps, then accounts (own users, system users); postmaster always exists
//   4. relocated_maps, transport_maps
//   5. relay_domains by relay_transport, all else by default_transport: to the next hop that the
//      transport names, else sender_dependent_relayhost_maps, relayhost, or the domain's MX
//
// A recipient with is_self skips 2 and 3's aliases: an alias named itself and means the mailbox.
// Each answer is one step; the queue asks again for the children, and ends loops.
//
// Blocks on tables and files; may be used by several threads. Errors are temporary.
//
// STANDARDS  RFC 5321 sections 3.9 (aliases), 4.5.1 (postmaster), 5.1 (where to send)
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/mail/address.h"
#include "smtpd/routing/canonical.h"
#include "smtpd/routing/domains.h"
#include "smtpd/routing/expansion.h"
#include "smtpd/routing/list_file.h"
#include "smtpd/routing/messages.h"
#include "smtpd/routing/next_hop.h"
#include "store/maps/map.h"

namespace pennypost::smtp {

/// The code of an Error that says: there is such a user, but delivery waits for the administrator.
inline constexpr int exists_but_takes_no_mail = 450;

/// Who has a mailbox here: Accounts::by_address and by_name, or a test's table. An Error with code
/// 450 says that the user exists but may have no mail here (root), with the remedy.
class AccountFinder {
 public:
  virtual ~AccountFinder() = default;
  virtual Result<std::optional<AccountRef>> by_address(std::string_view local,
                                                       std::string_view domain) const = 0;
  virtual Result<std::optional<AccountRef>> by_name(std::string_view name) const = 0;
};

class Router {
 public:
  struct Host {
    std::vector<IpAddress> own_addresses;
    /// Whose file it is; nothing where there is none. Tests answer from a table.
    std::function<std::optional<std::uint32_t>(const std::string& path)> file_owner;
    /// For a list that an alias of root's includes.
    std::function<Result<ListFile>(const std::string& path)> read_list;
    /// A user's name in passwd; nothing where there is none.
    std::function<std::optional<std::string>(std::uint32_t uid)> user_name;
    std::uint32_t own_uid = 0;  // root, or the user that runs it all

    static Host of_system(const Config& config);
  };
  /// Error: the configuration names a table that can't be.
  static Result<Router> open(std::shared_ptr<const Config> config,
                             std::shared_ptr<const AccountFinder> accounts, Host host,
                             const store::MapOptions& options = {});

  /// Expands a recipient or names its route.
  Result<Resolution> resolve(const Recipient& recipient, const std::string& sender) const;
  /// What becomes of a message's sender and of the addresses in its header.
  Result<Canonicalize::Rewritten> canonicalize(const Canonicalize& ask) const;
  Result<DomainClass> classify(const Domain& domain) const { return domains_.classify(domain); }
  /// What RCPT asks: where mail to this address ends, found by the steps that its delivery takes. A
  /// rewriting, and an alias of one address, are followed; of a list, a program or a file only the
  /// expansion is told, without its children, and no file is read. An Error with code 450 says that
  /// delivery will wait for the administrator; mail to it is taken.
  Result<Resolution> destination(const MailAddress& address) const;

 private:
  enum class Purpose { Delivery, Rcpt };
  Router() = default;
  Result<Resolution> resolve_for(Purpose purpose, const Recipient& recipient,
                                 const std::string& sender) const;
  Result<Resolution> resolve_address(Purpose purpose, const Recipient& recipient,
                                     const std::string& sender) const;
  Result<std::optional<MailAddress>> rewritten(const MailAddress& address, DomainClass domain,
                                               bool is_first) const;
  Result<std::optional<Resolution>> virtual_alias(const Recipient& recipient,
                                                  const MailAddress& address,
                                                  DomainClass domain) const;
  Result<std::optional<Resolution>> alias(Purpose purpose, const Recipient& recipient,
                                          const MailAddress& address) const;
  Result<Resolution> local(Purpose purpose, const Recipient& recipient,
                           const MailAddress& address) const;
  Result<bool> is_relay_recipient(const MailAddress& address) const;
  Result<Resolution> mailbox(const MailAddress& address) const;
  Result<Resolution> nobody(const MailAddress& address) const;
  Result<std::optional<std::string>> moved_to(const MailAddress& address, DomainClass domain) const;
  Result<std::optional<std::string>> transport_of(const MailAddress& address) const;
  Result<std::optional<std::string>> relayhost_of(const std::string& sender) const;
  Result<Resolution> onward(const MailAddress& address, DomainClass domain,
                            const std::string& sender) const;
  Result<Resolution> by_transport(std::string_view setting, const MailAddress& address,
                                  const std::string& default_next_hop) const;
  Result<FallbackHop> hop_of(std::string_view text) const;
  Result<std::string> value_of_next_hop(const store::MapList& maps, const std::string& written,
                                        const NextHop& hop) const;
  Result<std::optional<std::string>> alias_value(std::string_view name) const;
  Result<Resolution> program(const Recipient& recipient) const;
  struct UsersTable {
    std::string name;
    std::uint32_t owner;
  };
  std::optional<UsersTable> users_alias_table() const;
  std::string distrust_of_aliases() const;
  Result<std::optional<std::string>> reader_of(std::uint32_t uid) const;
  Result<IncludedList> included(const std::string& path) const;
  bool is_own(DomainClass domain, const MailAddress& address) const;
  Result<bool> is_own(const MailAddress& address) const;
  Result<std::string> canonical_text(AddressClass what, const std::string& text) const;
  bool propagates(std::string_view what) const;

  std::shared_ptr<const Config> config_;
  std::shared_ptr<const AccountFinder> accounts_;
  Host host_;
  Domains domains_;
  store::MapList virtual_aliases_;
  store::MapList aliases_;
  Canonical canonical_;
  store::MapList relocated_;
  store::MapList transports_;
  store::MapList relay_recipients_;
  store::MapList local_recipients_;
  store::MapList sender_relayhosts_;
  store::MapList tls_policies_;
  store::MapList sasl_passwords_;
};

}  // namespace pennypost::smtp
