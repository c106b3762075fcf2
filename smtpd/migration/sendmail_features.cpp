// Sendmail's FEATUREs as settings, and the settings that name the tables that were made.
#include <algorithm>
#include <array>

#include "common/base/text.h"
#include "smtpd/migration/sendmail_parts.h"

namespace pennypost::smtp {
namespace {

using Kind = MigratedTable::Kind;

struct Feature {
  std::string_view name;
  std::string_view reason;  // why it has no counterpart; empty: it has, or is as it is here
};
/// In alphabetical order.
constexpr std::array features{
    Feature{"accept_unqualified_senders", ""},
    Feature{"accept_unresolvable_domains", ""},
    Feature{"access_db", ""},
    Feature{"allmasquerade", ""},
    Feature{"always_add_domain", ""},
    Feature{"authinfo", "write smtp_sasl_password_maps with `[host] login:password`"},
    Feature{"badmx", "write smtpd_sender_restrictions = check_sender_mx_access with a cidr: table"},
    Feature{"bestmx_is_local", "name the domains in mydestination"},
    Feature{"blacklist_recipients", ""},
    Feature{"block_bad_helo", ""},
    Feature{"blocklist_recipients", ""},
    Feature{"conncontrol", ""},
    Feature{"delay_checks", ""},
    Feature{"dnsbl", ""},
    Feature{"domaintable", ""},
    Feature{"enhdnsbl", ""},
    Feature{"generics_entire_domain", "name each domain in the table, or write a pcre: table"},
    Feature{"genericstable", ""},
    Feature{"greet_pause",
            "there is no pause before the greeting; smtpd_forbid_unauth_pipelining "
            "refuses clients that do not wait"},
    Feature{"ldap_routing",
            "write virtual_alias_maps and transport_maps with ldap: tables; "
            "parameters(5) shows their settings for inetLocalMailRecipient"},
    Feature{"limited_masquerade", ""},
    Feature{"local_no_masquerade",
            "addresses are rewritten when mail comes in, also for local mail"},
    Feature{"local_procmail", ""},
    Feature{"lookupdotdomain", ""},
    Feature{"loose_relay_check", "an address with % or ! is decided by where its mail would go"},
    Feature{"mailertable", ""},
    Feature{"masquerade_entire_domain", ""},
    Feature{"masquerade_envelope", ""},
    Feature{"no_default_msa", ""},
    Feature{"nocanonify", ""},
    Feature{"nopercenthack", ""},
    Feature{"nouucp", ""},
    Feature{"nullclient", ""},
    Feature{"preserve_local_plus_detail", ""},
    Feature{"promiscuous_relay", "that is an open relay; name the clients in mynetworks"},
    Feature{"ratecontrol", ""},
    Feature{"redirect", "write relocated_maps with the addresses of NAME.REDIRECT aliases"},
    Feature{"relay_based_on_MX", ""},
    Feature{"relay_entire_domain", ""},
    Feature{"relay_hosts_only", ""},
    Feature{"relay_local_from",
            "whoever claims a local sender could relay; name the clients in "
            "mynetworks, or let users log in"},
    Feature{"relay_mail_from",
            "whoever claims the sender could relay; name the clients in "
            "mynetworks, or let users log in"},
    Feature{"require_rdns", ""},
    Feature{"smrsh",
            "commands of aliases run as default_privs, by /bin/sh; allow_mail_to_commands "
            "says where they may stand"},
    Feature{"use_client_ptr",
            "clients are looked up by their verified name, or with "
            "check_reverse_client_hostname_access"},
    Feature{"use_ct_file", ""},
    Feature{"use_cw_file", ""},
    Feature{"virtuser_entire_domain",
            "add virtual_alias_domains to parent_domain_matches_"
            "subdomains, and a pcre: table to virtual_alias_maps"},
    Feature{"virtusertable", ""},
};
static_assert(std::ranges::is_sorted(features, {}, &Feature::name));

class Features {
 public:
  explicit Features(const SendmailSite& site) : site_(site), made_(site.migration()) {}

  void run() {
    tell();
    if (const McCall* call = site_.feature("nullclient")) return null_client(*call);
    // What Sendmail does not do: POP3 and IMAP.
    made_.set("protocols", "none");
    made_.set("recipient_delimiter", "+");
    read_sendmail_masquerade(site_);
    name_tables();
    addresses();
    relaying();
    clients();
    senders();
    helo();
    if (made_.has_table("access_recipient")) {
      made_.set("smtpd_recipient_restrictions",
                "check_recipient_access " + made_.reference("access_recipient"));
    }
    if (const McCall* call = site_.feature("local_procmail")) procmail(*call);
  }

 private:
  void lacks(const McCall& call, std::string reason) {
    made_.lacks(site_.at(call), call.text, std::move(reason));
  }

  void tell() {
    for (const McCall& call : site_.calls()) {
      if (call.name != "FEATURE") continue;
      auto name = std::string(trim(call.argument(0)));
      auto row = std::ranges::lower_bound(features, name, {}, &Feature::name);
      bool is_known = row != features.end() && row->name == name;
      if (!is_known) lacks(call, "the feature is not known here");
      if (is_known && !row->reason.empty()) lacks(call, std::string(row->reason));
    }
  }

  void null_client(const McCall& call) {
    made_.set("role", "null-client");
    auto hub = next_hop_of(site_, call.argument(1), false);
    if (hub && !hub->empty()) {
      made_.set("relayhost", *hub, site_.at(call));
    } else {
      lacks(call, "the hub is no host; write relayhost");
    }
    read_sendmail_masquerade(site_);
  }

  void name_tables() {
    auto use = [&](const char* setting, const char* table) {
      if (made_.has_table(table)) made_.add(setting, made_.reference(table));
    };
    use("alias_maps", "aliases");
    use("alias_database", "aliases");
    use("transport_maps", "transport");
    use("canonical_maps", "canonical");
    use("relay_domains", "relay_domains");
    use("virtual_alias_maps", "virtual");
    use("virtual_alias_maps", "virtual_patterns");
    use("virtual_alias_domains", "virtual-domains");
    if (made_.has_table("local-host-names")) {
      made_.set("mydestination", "$myhostname, localhost.$mydomain, localhost, " +
                                     made_.reference("local-host-names"));
    }
  }

  void addresses() {
    if (site_.has("nopercenthack")) made_.set("allow_percent_hack", "no");
    if (site_.has("nouucp")) made_.set("swap_bangpath", "no");
  }

  void relaying() {
    if (site_.has("relay_entire_domain")) made_.add("relay_domains", "$mydomain");
    if (site_.has("relay_hosts_only")) {
      made_.set("parent_domain_matches_subdomains", "smtpd_access_maps");
      if (made_.has_table("access_client")) {
        made_.lacks({SendmailSite::mc_name, site_.feature("relay_hosts_only")->line}, "",
                    "a client's name in access_client is also for the names below it");
      }
    }
    bool takes_backups = site_.has("relay_based_on_MX");
    if (!takes_backups && !made_.has_table("access_relay")) return;
    std::string list = "permit_mynetworks, permit_sasl_authenticated";
    if (made_.has_table("access_relay")) {
      list += ", check_recipient_access " + made_.reference("access_relay");
    }
    if (takes_backups) list += ", permit_mx_backup";
    made_.set("service.smtp.smtpd_relay_restrictions", list + ", reject_unauth_destination");
  }

  void clients() {
    std::string list;
    auto append = [&](const std::string& one) { list += (list.empty() ? "" : ", ") + one; };
    if (made_.has_table("access_client")) {
      append("check_client_access " + made_.reference("access_client"));
    }
    if (site_.has("relay_entire_domain")) append("check_client_access inline:{$mydomain=RELAY}");
    std::string lists = block_lists();
    bool checks_name = site_.has("require_rdns");
    if (!lists.empty() || checks_name) append("permit_mynetworks, permit_sasl_authenticated");
    if (checks_name) append("reject_unknown_reverse_client_hostname");
    if (!lists.empty()) append(lists);
    if (!list.empty()) made_.set("smtpd_client_restrictions", list);
  }

  std::string block_lists() {
    std::string list;
    for (const McCall& call : site_.calls()) {
      auto feature = trim(call.argument(0));
      bool is_enhanced = feature == "enhdnsbl";
      if (call.name != "FEATURE" || (feature != "dnsbl" && !is_enhanced)) continue;
      auto zone = domain_as_written(trim(call.argument(1)));
      if (!looks_like_domain(zone)) {
        lacks(call, "the list is no domain");
        continue;
      }
      auto text = trim(call.argument(2));
      if (text == "quarantine" || text == "discard") {
        lacks(call, "a block list refuses; nothing else can be done because of it");
        continue;
      }
      if (!text.empty()) {
        lacks(call, "its own text is left out; write rbl_reply_maps to have it");
      }
      std::size_t codes = 0;
      for (std::size_t i = 4; is_enhanced && i < call.arguments.size(); ++i) {
        auto code = trim(call.arguments[i]);
        if (code.empty()) continue;
        add_list(list, zone + "=" + domain_as_written(code));
        ++codes;
      }
      if (codes == 0) add_list(list, zone);
    }
    return list;
  }

  static void add_list(std::string& list, const std::string& zone) {
    list += (list.empty() ? "reject_rbl_client " : ", reject_rbl_client ") + zone;
  }

  void senders() {
    std::string list;
    auto append = [&](const std::string& one) { list += (list.empty() ? "" : ", ") + one; };
    if (made_.has_table("access_sender")) {
      append("check_sender_access " + made_.reference("access_sender"));
    }
    if (site_.has_mc() && !site_.has("accept_unqualified_senders")) {
      append("reject_non_fqdn_sender");
    }
    if (site_.has_mc() && !site_.has("accept_unresolvable_domains")) {
      append("reject_unknown_sender_domain");
    }
    if (!list.empty()) made_.set("smtpd_sender_restrictions", list);
  }

  void helo() {
    if (!site_.has("block_bad_helo")) return;
    made_.set("smtpd_helo_restrictions",
              "permit_mynetworks, permit_sasl_authenticated, check_helo_access "
              "inline:{$myhostname=REJECT}, reject_non_fqdn_helo_hostname");
  }

  void procmail(const McCall& call) {
    auto path = std::string(trim(call.argument(1)));
    if (path.empty()) path = site_.defined("PROCMAIL_MAILER_PATH");
    if (path.empty()) path = "/usr/bin/procmail";
    if (!trim(call.argument(2)).empty()) {
      return lacks(call, "a command with arguments of its own; write mailbox_command");
    }
    made_.set("mailbox_command", path + " -a \"$EXTENSION\"", site_.at(call));
  }

  const SendmailSite& site_;
  Migration& made_;
};

}  // namespace

void read_sendmail_features(const SendmailSite& site) { Features(site).run(); }

}  // namespace pennypost::smtp
