#include "smtpd/migration/dovecot.h"

#include <algorithm>
#include <array>

#include "common/base/text.h"
#include "common/config/parameter.h"
#include "store/mailbox/location.h"

namespace pennypost::smtp {
namespace {

using Setting = DovecotSection::Setting;

// Of the plugin listescape; mail_place() takes it.
constexpr std::string_view escape_setting = "listescape_char";

// What is about Dovecot's own files and processes, or is so here without a setting; a name may end
// in *.
constexpr std::array silent{
    std::string_view("auth_cache_*"),
    std::string_view("auth_debug*"),
    std::string_view("auth_username_format"),
    std::string_view("auth_verbose*"),
    std::string_view("base_dir"),
    std::string_view("default_*"),
    std::string_view("dict*"),
    std::string_view("dotlock_use_excl"),
    std::string_view("dovecot_*"),
    std::string_view("first_valid_gid"),
    std::string_view("haproxy_*"),
    std::string_view("hostname"),
    std::string_view("imap_client_workarounds"),
    std::string_view("imap_hibernate_timeout"),
    std::string_view("imap_id_log"),
    std::string_view("imap_metadata"),
    std::string_view("import_environment"),
    std::string_view("info_log_path"),
    std::string_view("last_valid_gid"),
    std::string_view("lda_*"),
    std::string_view("libexec_dir"),
    std::string_view("lmtp_*"),
    std::string_view("lock_method"),
    std::string_view("log_*"),
    std::string_view("login_log_format*"),
    std::string_view("login_trusted_networks"),
    std::string_view("mail_always_cache_fields"),
    std::string_view("mail_cache_*"),
    std::string_view("mail_debug"),
    std::string_view("mail_fsync"),
    std::string_view("mail_gid"),
    std::string_view("mail_never_cache_fields"),
    std::string_view("mail_nfs_*"),
    std::string_view("mail_plugin*"),
    std::string_view("mail_prefetch_count"),
    std::string_view("mail_uid"),
    std::string_view("mail_vsize_*"),
    std::string_view("mailbox_idle_*"),
    std::string_view("mailbox_list_*"),
    std::string_view("maildir_*"),
    std::string_view("managesieve_*"),
    std::string_view("mbox_*"),
    std::string_view("mdbox_*"),
    std::string_view("mmap_disable"),
    std::string_view("pop3_client_workarounds"),
    std::string_view("pop3_fast_size_lookups"),
    std::string_view("postmaster_address"),
    std::string_view("replication_*"),
    std::string_view("sendmail_path"),
    std::string_view("service_count"),
    std::string_view("shutdown_clients"),
    std::string_view("ssl_client_*"),
    std::string_view("ssl_dh"),
    std::string_view("ssl_options"),
    std::string_view("ssl_prefer_server_ciphers"),
    std::string_view("state_dir"),
    std::string_view("stats_*"),
    std::string_view("syslog_facility"),
    std::string_view("valid_chroot_dirs"),
    std::string_view("verbose_*"),
};

bool is_silent(std::string_view name) {
  return std::ranges::any_of(silent, [&](std::string_view row) {
    return row.ends_with('*') ? name.starts_with(row.substr(0, row.size() - 1)) : name == row;
  });
}

// In place of %{home}, %{user}: the letters.
std::string with_letters(std::string value) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> names{
      {{"%{domain}", "%d"}, {"%{home}", "%h"}, {"%{user}", "%u"}, {"%{username}", "%n"}}};
  for (auto [name, letter] : names) {
    for (auto at = value.find(name); at != value.npos; at = value.find(name)) {
      value.replace(at, name.size(), letter);
    }
  }
  return value;
}

// Puts the home in for ~ at a path's beginning and for %h. What it says itself of these stays.
std::string with_home(std::string_view location, const std::string& home) {
  std::string out;
  for (std::size_t i = 0; i < location.size(); ++i) {
    bool is_begun = i > 0 && (location[i - 1] == ':' || location[i - 1] == '=');
    if (location[i] == '~' && is_begun) {
      out += home;
    } else if (location.substr(i, 2) == "%h") {
      out += home;
      ++i;
    } else {
      out += location[i];
    }
  }
  return out;
}

class DovecotMigration {
 public:
  DovecotMigration(const DovecotSection& root, const DovecotFiles& files, Migration& made)
      : root_(root), files_(files), made_(made) {}

  Result<void> read() {
    TRY_DO(users());
    mail_place();
    for (const auto& setting : root_.settings) take(setting, "");
    for (const auto& section : root_.sections) take_section(section);
    return {};
  }

 private:
  void lacks(const Setting& setting, std::string reason) {
    made_.lacks(setting.place, setting.name + " = " + setting.value, std::move(reason));
  }

  static std::string setting_name(const std::string& service, const std::string& name) {
    return service.empty() ? name : "service." + service + "." + name;
  }

  void take(const Setting& setting, const std::string& service) {
    const auto& name = setting.name;
    // mail_place() has taken it.
    if (name == "mail_location") return;
    if (name == "mail_uid" && has_own_users_) return owner(setting.value, setting.place);
    // The compiled-in defaults of a file that doveconf printed.
    if (is_silent(name) || setting.value == "# hidden, use -P to show it") return;
    if (name == "ssl_cert" || name == "ssl_key") return file_setting(setting, service);
    if (name == "protocols") return protocols(setting);
    if (name == "listen") return listen(setting);
    if (name == "auth_mechanisms") return mechanisms(setting, service);
    if (name == "auth_default_realm") {
      if (!setting.value.empty()) made_.set("auth_realm", setting.value, setting.place);
    } else if (find_parameter(name)) {
      made_.set(setting_name(service, name), setting.value, setting.place);
    } else {
      lacks(setting, "there is no such setting here");
    }
  }

  void file_setting(const Setting& setting, const std::string& service) {
    if (setting.value.empty()) {
      lacks(setting, "doveconf does not show it without -P: write the path of the file");
    } else if (setting.value.starts_with('<')) {
      made_.set(setting_name(service, setting.name),
                std::string(trim(std::string_view(setting.value).substr(1))), setting.place);
    } else {
      lacks(setting, "it names no file: save the PEM text in one and name that");
    }
  }

  void protocols(const Setting& setting) {
    for (auto name : words(setting.value, " \t")) {
      if (name == "imap" || name == "pop3")
        made_.add("protocols", std::string(name), setting.place);
      bool is_built_in = name == "lmtp" || name == "imap" || name == "pop3" || name == "sieve";
      if (!is_built_in) lacks(setting, std::string(name) + " is not served here");
    }
  }

  void listen(const Setting& setting) {
    if (setting.value.find('*') != std::string::npos) return;
    lacks(setting, "the addresses of all services are in inet_interfaces");
  }

  void mechanisms(const Setting& setting, const std::string& service) {
    constexpr std::array known{std::string_view("plain"), std::string_view("login"),
                               std::string_view("scram-sha-256"), std::string_view("external")};
    for (auto word : words(setting.value, " \t")) {
      auto name = lower(word);
      if (std::ranges::find(known, name) != known.end()) {
        made_.add(setting_name(service, "auth_mechanisms"), name, setting.place);
      } else {
        lacks(setting, "the mechanism " + name + " is not known here");
      }
    }
  }

  /// Where mail is: with the home that userdb gives all users put in for ~ and %h.
  void mail_place() {
    const auto* setting = root_.find("mail_location");
    if (setting == nullptr || setting->value.empty()) return;
    auto location = with_letters(setting->value) + escape_item();
    auto own = home_.empty() ? location : with_home(location, home_);
    for (const auto& one : {own, location}) {
      if (auto checked = store::MailLocation::check(one); !checked) {
        lacks(*setting, checked.error().text());
        return;
      }
    }
    if (has_own_users_) made_.set("virtual_mail_location", own, setting->place);
    if (has_system_users_) made_.set("mail_location", location, setting->place);
  }

  /// The plugin listescape is an item of mail_location here; empty: it is not used.
  std::string escape_item() const {
    constexpr std::string_view plugin_name = "listescape";
    auto is_named_in = [&](const DovecotSection& section) {
      auto plugins = section.value("mail_plugins");
      auto names = words(plugins);
      return std::ranges::find(names, plugin_name) != names.end();
    };
    std::string escape = "\\";
    bool is_used = is_named_in(root_);
    for (const auto& section : root_.sections) {
      is_used = is_used || (section.kind == "protocol" && is_named_in(section));
      auto own = section.value(escape_setting);
      if (section.kind == "plugin" && !own.empty()) escape = own;
    }
    return is_used ? ":LISTESCAPE=" + escape : "";
  }

  Result<void> users() {
    for (const auto& section : root_.sections) {
      if (section.kind == "userdb") {
        TRY_DO(user_source(section));
      }
    }
    for (const auto& section : root_.sections) {
      if (section.kind == "passdb") {
        TRY_DO(password_source(section));
      }
    }
    if (has_system_users_) made_.set("system_users", "yes");
    if (!has_system_users_ && has_own_users_) made_.set("system_users", "no");
    return {};
  }

  Result<void> user_source(const DovecotSection& section) {
    auto driver = section.value("driver");
    auto args = section.value("args");
    if (driver == "static") {
      take_defaults(section, args);
      has_own_users_ = true;
    } else if (driver == "passwd") {
      has_system_users_ = true;
    } else if (driver == "passwd-file") {
      take_defaults(section, section.value("default_fields"));
      take_defaults(section, section.value("override_fields"));
      TRY_DO(passwd_file(section, args, false));
    } else if (driver != "prefetch") {
      told(section, "users of " + driver +
                        " are looked up here by users_map and an ldap:, mysql:, "
                        "pgsql: or sqlite: table");
    }
    return {};
  }

  // `uid=vmail gid=vmail home=/var/vmail/%d/%n`
  void take_defaults(const DovecotSection& section, const std::string& fields) {
    constexpr std::string_view usual_end = "/%d/%n";
    for (auto word : words(fields, " \t")) {
      if (word.starts_with("uid=")) owner(std::string(word.substr(4)), section.place);
      if (!word.starts_with("home=")) continue;
      home_ = with_letters(std::string(word.substr(5)));
      if (home_.ends_with(usual_end)) {
        made_.set("virtual_mailbox_base", home_.substr(0, home_.size() - usual_end.size()),
                  section.place);
      }
    }
  }

  void owner(const std::string& uid, const SourcePlace& place) {
    if (!uid.empty() && is_digit(uid.front())) {
      made_.lacks(place, "uid=" + uid, "virtual_mail_owner needs the name of that account");
    } else if (!uid.empty()) {
      made_.set("virtual_mail_owner", uid, place);
    }
  }

  Result<void> password_source(const DovecotSection& section) {
    auto driver = section.value("driver");
    constexpr std::array system{std::string_view("pam"), std::string_view("shadow"),
                                std::string_view("passwd"), std::string_view("bsdauth")};
    if (std::ranges::find(system, driver) != system.end()) {
      has_system_users_ = true;
    } else if (driver == "passwd-file") {
      TRY_DO(passwd_file(section, section.value("args"), true));
    } else {
      told(section, "passwords of " + driver +
                        " are looked up here by credentials_map and an "
                        "ldap:, mysql:, pgsql: or sqlite: table");
    }
    return {};
  }

  void told(const DovecotSection& section, const std::string& reason) {
    made_.lacks(section.place, section.kind + " { driver = " + section.value("driver") + " }",
                reason);
  }

  Result<void> passwd_file(const DovecotSection& section, std::string_view args, bool passwords) {
    std::string scheme = "CRYPT";
    std::string path;
    for (auto word : words(args, " \t")) {
      if (word.starts_with("scheme=")) {
        scheme = word.substr(7);
      } else if (word.find('=') == word.npos || word.starts_with('/')) {
        path = word;
      }
    }
    if (path.find('%') != path.npos) {
      told(section, "the file's name depends on the user: join the files to one");
      return {};
    }
    TRY(auto text, files_.read(path));
    if (!text) {
      told(section, "there is no file " + path);
      return {};
    }
    has_own_users_ = true;
    read_passwd_file({path, *std::move(text), scheme, home_, passwords}, made_);
    return {};
  }

  void take_section(const DovecotSection& section) {
    if (section.kind == "namespace") return name_space(section);
    if (section.kind == "plugin") return plugin(section);
    if (section.kind == "protocol") return protocol(section);
    if (section.kind == "service") return service(section);
    bool is_silent_kind = section.kind == "passdb" || section.kind == "userdb" ||
                          section.kind == "dict" || section.kind == "metric";
    if (!is_silent_kind) {
      made_.lacks(section.place, section.kind + " " + section.title + " { }",
                  "settings for some clients or names alone are not known here");
    }
  }

  void name_space(const DovecotSection& section) {
    if (section.value("inbox") != "yes") {
      made_.lacks(section.place, "namespace " + section.title + " { }",
                  "there is one namespace, that of INBOX");
      return;
    }
    auto separator = section.value("separator");
    if (!separator.empty()) made_.set("namespace_separator", separator, section.place);
    auto prefix = section.value("prefix");
    if (!prefix.empty()) made_.set("namespace_prefix", prefix, section.place);
    const auto* location = section.find("location");
    if (location != nullptr && !location->value.empty()) {
      lacks(*location, "the namespace has no place of its own: mail_location is that of INBOX");
    }
    for (const auto& mailbox : section.sections) {
      auto use = mailbox.value("special_use");
      if (mailbox.kind != "mailbox" || use.empty()) continue;
      auto name = prefix.empty() || !std::string_view(mailbox.title).starts_with(prefix)
                      ? mailbox.title
                      : mailbox.title.substr(prefix.size());
      made_.add("imap_special_use", name + "=" + use, mailbox.place);
    }
  }

  void plugin(const DovecotSection& section) {
    for (const auto& setting : section.settings) {
      const auto& name = setting.name;
      if (name == "quota_rule" || name == "mail_log_events" || name == "mail_log_fields") {
        made_.set(name, setting.value, setting.place);
      } else if ((name == "quota" && setting.value.starts_with("maildir")) ||
                 name == escape_setting) {
        continue;
      } else {
        lacks(setting, name.starts_with("sieve")
                           ? "scripts of users lie where README.md says; move them there"
                           : "there is no such plugin here");
      }
    }
  }

  void protocol(const DovecotSection& section) {
    std::vector<std::string> services;
    if (section.title == "imap") services = {"imap", "imaps"};
    if (section.title == "pop3") services = {"pop3", "pop3s"};
    for (const auto& setting : section.settings) {
      for (const auto& service : services) take(setting, service);
      if (services.empty() && !is_silent(setting.name)) {
        lacks(setting, "protocol " + section.title + " has no settings of its own here");
      }
    }
  }

  // The ports; all else is about Dovecot's processes.
  void service(const DovecotSection& section) {
    for (const auto& listener : section.sections) {
      const auto* port = listener.find("port");
      constexpr std::array known{std::string_view("imap"), std::string_view("imaps"),
                                 std::string_view("pop3"), std::string_view("pop3s")};
      bool is_ours = std::ranges::find(known, listener.title) != known.end();
      if (listener.kind != "inet_listener" || port == nullptr || !is_ours) continue;
      made_.set(listener.title + "_port", port->value, port->place);
    }
  }

  const DovecotSection& root_;
  const DovecotFiles& files_;
  Migration& made_;
  std::string home_;  // of all users, with variables
  bool has_own_users_ = false;
  bool has_system_users_ = false;
};

}  // namespace

Result<void> read_dovecot(const std::string& path, const DovecotFiles& files,
                          Migration& migration) {
  TRY(auto root, read_dovecot_file(path, files));
  return DovecotMigration(root, files, migration).read();
}

}  // namespace pennypost::smtp
