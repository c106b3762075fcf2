// Asks a directory by LDAP: ldap: tables.
//
//   server_host = ldaps://ldap.example.com, ldap://ldap2.example.com   tried in this order
//   search_base = ou=people,dc=example,dc=com
//   query_filter = (&(objectClass=inetLocalMailRecipient)(mailLocalAddress=%s))
//   result_attribute = mailRoutingAddress
//
// An entry's terminal_result_attribute, where it has one, is its only value. Else its
// special_result_attribute holds DNs or LDAP URLs of entries whose values count beside its own;
// such an entry's leaf_result_attribute does not count. All searches of one look-up together are
// bounded by recursion_limit, ldap_searches_max and the time of a look-up.
//
// Other than Postfix's: `version` is 3 where it is not set; `bind = sasl` is not supported.
//
// STANDARDS  RFC 4511 (the protocol), RFC 4514 section 2.4 (what is escaped in a DN),
//            RFC 4515 section 3 (and in a filter), RFC 4516 (URLs); Postfix's ldap_table(5)
#include "store/maps/ldap_connection.h"
#include "store/maps/ldap_library.h"
#include "store/maps/ldap_settings.h"
#include "store/maps/server_table.h"

namespace pennypost::store {
namespace {

class LdapServer final : public Server {
 public:
  LdapServer(const Ldap& library, LdapSettings settings)
      : library_(library), settings_(std::move(settings)) {
    hosts_ = settings_.urls;
    patience_ = settings_.timeout;
  }
  bool serves(std::string_view key) const override {
    return settings_.base->serves(key) && settings_.filter->serves(key);
  }
  Result<std::unique_ptr<ServerConnection>> connect(const std::string& host) const override {
    auto made = std::make_unique<LdapConnection>(library_, settings_, patience_);
    TRY_DO(made->open(host));
    return std::unique_ptr<ServerConnection>(std::move(made));
  }

 private:
  const Ldap& library_;
  LdapSettings settings_;
};

Result<std::shared_ptr<const Server>> make(const SourceSettings& settings) {
  TRY(auto read, LdapSettings::read(settings));
  TRY(const Ldap* library,
      loaded<Ldap>({"libldap-2.5.so.0", "libldap.so.2", "libldap-2.4.so.2"}, "libldap-2.5-0"));
  return std::shared_ptr<const Server>(std::make_shared<LdapServer>(*library, std::move(read)));
}

}  // namespace

OpenedMap open_ldap(const TableRef& table, const MapOptions& options, std::size_t) {
  return open_server_table(table, options, LdapSettings::rows(), &make);
}

}  // namespace pennypost::store
