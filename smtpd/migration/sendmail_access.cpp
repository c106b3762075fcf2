// Sendmail's access: one table for clients, senders and recipients there, one for each here.
//
// A tagged entry (`From:example.com`) counts before one without a tag. The latter is about clients
// and senders, and with FEATURE(`blocklist_recipients') about recipients as well.
#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "common/base/text.h"
#include "smtpd/migration/sendmail.h"

namespace pennypost::smtp {
namespace {

enum class Tag { None, Connect, From, To };

struct Tagged {
  Tag tag;
  std::string key;
};

/// Tags of what is elsewhere, or nowhere, here.
struct OtherTag {
  std::string_view name;
  std::string_view reason;
};
constexpr std::array other_tags{
    OtherTag{"authinfo", "write smtp_sasl_password_maps with `[host] login:password`"},
    OtherTag{"certissuer", "certificates are trusted by relay_clientcerts"},
    OtherTag{"certsubject", "certificates are trusted by relay_clientcerts"},
    OtherTag{"compat", "there are no checks of pairs of sender and recipient"},
    OtherTag{"greetpause", "there is no pause before the greeting"},
    OtherTag{"qgrp", "there are no queue groups"},
    OtherTag{"spam", "write smtpd_restriction_classes for recipients who want other checks"},
    OtherTag{"srv_features", "what is offered to a client is set for a service, not for a client"},
    OtherTag{"tls_clt", "TLS of a client is required by smtpd_tls_security_level"},
    OtherTag{"tls_rcpt", "write smtp_tls_policy_maps for the next hop"},
    OtherTag{"tls_srv", "write smtp_tls_policy_maps for the next hop"},
    OtherTag{"tls_srv_features", "write smtp_tls_policy_maps for the next hop"},
    OtherTag{"try_tls", "write smtp_tls_policy_maps for the next hop, `none` for No"}};

class Access {
 public:
  Access(const SendmailSite& site, const SendmailSite::Table& table)
      : site_(site), made_(site.migration()), table_(table) {}

  void run() {
    // Tagged entries first, since the first of a key counts.
    for (bool with_tag : {true, false}) {
      for (const auto& entry : table_.entries) {
        auto tagged = tag_of(entry);
        if (tagged && (tagged->tag != Tag::None) == with_tag) add(*tagged, entry);
      }
    }
  }

 private:
  void lacks(const SendmailEntry& entry, std::string reason) {
    made_.lacks({table_.file, entry.line}, entry.key + " " + entry.value, std::move(reason));
  }

  std::optional<Tagged> tag_of(const SendmailEntry& entry) {
    auto colon = entry.key.find(':');
    auto tag = lower(std::string_view(entry.key).substr(0, colon));
    std::string key = colon == entry.key.npos ? "" : entry.key.substr(colon + 1);
    if (colon == entry.key.npos || tag == "ipv6") return Tagged{Tag::None, entry.key};
    if (tag == "connect") return Tagged{Tag::Connect, key};
    if (tag == "from") return Tagged{Tag::From, key};
    if (tag == "to") return Tagged{Tag::To, key};
    // Told once, with the tagged entries.
    if (!told_.insert(entry.line).second) return std::nullopt;
    if (tag == "clientrate" || tag == "clientconn") {
      limit(tag == "clientrate" ? "rate" : "count", key, entry);
      return std::nullopt;
    }
    auto other = std::ranges::find(other_tags, tag, &OtherTag::name);
    lacks(entry, other == other_tags.end() ? "no such tag is known" : std::string(other->reason));
    return std::nullopt;
  }

  void limit(const std::string& of, const std::string& key, const SendmailEntry& entry) {
    std::string setting = "smtpd_client_connection_" + of + "_limit";
    if (key.empty() && parse_number(entry.value)) {
      made_.set(setting, entry.value, {table_.file, entry.line});
    } else {
      lacks(entry, setting +
                       " is one limit for all clients but those in "
                       "smtpd_client_event_limit_exceptions");
    }
  }

  /// The action as our access tables have it; nothing: it is told that there is none.
  std::optional<std::string> action(const SendmailEntry& entry) {
    std::string_view value = entry.value;
    auto word = upper(value);
    if (word == "OK" || word == "RELAY") return "OK";
    if (word == "REJECT") {
      auto text = site_.defined("confREJECT_MSG");
      return text.empty() ? "REJECT" : parse_sendmail_error(text).for_access();
    }
    if (word == "DISCARD") return "DISCARD";
    if (word == "SKIP") return "DUNNO";
    if (starts_with_nocase(value, "QUARANTINE:")) return "HOLD " + std::string(value.substr(11));
    if (starts_with_nocase(value, "ERROR:")) {
      return parse_sendmail_error(value.substr(6)).for_access();
    }
    if (is_bare_error(value)) return parse_sendmail_error(value).for_access();
    lacks(entry, "the value is none of OK, RELAY, REJECT, DISCARD, SKIP, QUARANTINE:, ERROR:");
    return std::nullopt;
  }

  void add(const Tagged& tagged, const SendmailEntry& entry) {
    auto value = action(entry);
    if (!value) return;
    bool relays = equal_nocase(entry.value, "RELAY");
    bool is_plain = tagged.tag == Tag::None;
    bool is_address = tagged.key.find('@') != std::string::npos;
    bool is_network = is_written_as_network(tagged.key);
    if (tagged.key.starts_with('[')) {
      return lacks(entry,
                   "a name in brackets means a host without a name, which has no entry here; "
                   "write the address to mean the client");
    }
    if (tagged.key.starts_with('.')) {
      return lacks(entry,
                   "an entry for the subdomains alone; write `domain`, which is for the "
                   "domain as well");
    }
    if (tagged.tag == Tag::Connect || (is_plain && !is_address)) {
      add_client(tagged.key, is_network, relays ? "RELAY" : *value, entry);
    }
    if (tagged.tag == Tag::From || (is_plain && !is_network)) {
      add_sender(tagged, relays, *value, entry);
    }
    if (relays && !is_network && (tagged.tag == Tag::To || is_plain)) add_relay(tagged, entry);
    bool blocks = site_.has("blocklist_recipients") || site_.has("blacklist_recipients");
    bool is_for_recipients = tagged.tag == Tag::To || (is_plain && blocks && !is_network);
    if (is_for_recipients && !relays) made_.entry("access_recipient", tagged.key, *value);
  }

  void add_client(const std::string& key, bool is_network, const std::string& value,
                  const SendmailEntry& entry) {
    if (!is_network) {
      made_.entry("access_client", domain_as_written(key), value);
      return;
    }
    auto network = network_of(key);
    if (!network) return lacks(entry, "this is no address and no network");
    made_.entry("access_client", *network, value);
  }

  void add_sender(const Tagged& tagged, bool relays, const std::string& value,
                  const SendmailEntry& entry) {
    if (tagged.tag == Tag::From && relays) {
      lacks(entry,
            site_.has("relay_mail_from")
                ? "whoever claims this sender could relay; give the clients in mynetworks, or "
                  "let users log in. It is written as OK"
                : "a sender gives no right to relay, in Sendmail neither; it is written as OK");
    }
    made_.entry("access_sender", tagged.key, value);
  }

  void add_relay(const Tagged& tagged, const SendmailEntry& entry) {
    if (tagged.key.find('@') == std::string::npos) {
      made_.entry("relay_domains", domain_as_written(tagged.key), "OK");
    } else if (tagged.key.ends_with('@')) {
      lacks(entry, "a name without a domain can't be relayed to");
    } else {
      made_.entry("access_relay", tagged.key, "OK");
    }
  }

  const SendmailSite& site_;
  Migration& made_;
  const SendmailSite::Table& table_;
  std::set<std::size_t> told_;
};

}  // namespace

Result<void> read_sendmail_access(const SendmailSite& site) {
  TRY(auto table, site.table("access_db", "access"));
  Access(site, table).run();
  return {};
}

}  // namespace pennypost::smtp
