// The parameters of main.cf as settings.
//
// SEE ALSO   postfix_tables.cpp (the tables in them)
#include <algorithm>
#include <array>

#include "common/base/text.h"
#include "common/config/parameter.h"
#include "smtpd/migration/postfix.h"

namespace pennypost::smtp {
namespace {

// What is about Postfix's own files and processes, or is so here without a setting. A name may end
// in *, or begin with it.
constexpr std::array silent{
    std::string_view("*_cache_database"),
    std::string_view("*_dh1024_param_file"),
    std::string_view("*_dh512_param_file"),
    std::string_view("*_service_name"),
    std::string_view("*_session_cache_timeout"),
    std::string_view("*_tls_connection_reuse"),
    std::string_view("address_verify_map"),
    std::string_view("berkeley_db_*"),
    std::string_view("biff"),
    std::string_view("command_directory"),
    std::string_view("compatibility_level"),
    std::string_view("config_directory"),
    std::string_view("daemon_*"),
    std::string_view("data_directory"),
    std::string_view("debug*"),
    std::string_view("default_database_type"),
    std::string_view("default_process_limit"),
    std::string_view("enable_long_queue_ids"),
    std::string_view("hash_queue_*"),
    std::string_view("html_directory"),
    std::string_view("ipc_*"),
    std::string_view("lmdb_map_size"),
    std::string_view("mail_owner"),
    std::string_view("mailq_path"),
    std::string_view("manpage_directory"),
    std::string_view("max_use"),
    std::string_view("meta_directory"),
    std::string_view("multi_instance_*"),
    std::string_view("newaliases_path"),
    std::string_view("process_id_directory"),
    std::string_view("proxy_read_maps"),
    std::string_view("proxy_write_maps"),
    std::string_view("queue_directory"),
    std::string_view("readme_directory"),
    std::string_view("sample_directory"),
    std::string_view("sendmail_path"),
    std::string_view("setgid_group"),
    std::string_view("shlib_directory"),
    std::string_view("smtpd_sasl_local_domain"),
    std::string_view("smtpd_tls_eecdh_grade"),
    std::string_view("tls_random_*"),
    std::string_view("unknown_local_recipient_reject_code"),
    std::string_view("virtual_mailbox_limit"),
};

bool is_silent(std::string_view name) {
  return std::ranges::any_of(silent, [&](std::string_view row) {
    if (row.ends_with('*')) return name.starts_with(row.substr(0, row.size() - 1));
    if (row.starts_with('*')) return name.ends_with(row.substr(1));
    return name == row;
  });
}

// Old names, of which `yes` is a value of the new one.
struct OldName {
  std::string_view name;
  std::string_view setting;
  std::string_view value;
};
constexpr std::array old_names{
    OldName{"smtp_enforce_tls", "smtp_tls_security_level", "encrypt"},
    OldName{"smtp_use_tls", "smtp_tls_security_level", "may"},
    OldName{"smtpd_enforce_tls", "smtpd_tls_security_level", "encrypt"},
    OldName{"smtpd_use_tls", "smtpd_tls_security_level", "may"},
};

// What has another form here, and what to do.
struct Remedy {
  std::string_view name;
  std::string_view text;
};
constexpr std::array remedies{
    Remedy{"smtpd_sasl_path",
           "passwords are checked here, by popd's and imapd's users: see "
           "pennypost migrate dovecot"},
    Remedy{"smtpd_sasl_type", "passwords are checked here, by popd's and imapd's users"},
    Remedy{"virtual_gid_maps", "all mail of own users belongs to virtual_mail_owner"},
    Remedy{
        "virtual_uid_maps",
        "all mail of own users belongs to virtual_mail_owner: name the account of that uid there"},
};

/// Whether a transport hands mail to the Dovecot of the host, whose place our own store takes.
bool leads_to_dovecot(std::string_view transport) {
  auto name = transport.substr(0, transport.find(':'));
  return name == "dovecot" || transport.find("dovecot-lmtp") != transport.npos ||
         transport.find("private/dovecot") != transport.npos;
}

bool is_transport(std::string_view name) {
  return name == "virtual_transport" || name == "mailbox_transport" || name == "local_transport" ||
         name == "mailbox_command";
}

bool is_dovecot_sasl(const PostfixSetting& setting) {
  return (setting.name == "smtpd_sasl_type" && setting.value == "dovecot") ||
         (setting.name == "smtpd_sasl_path" && setting.value.find("auth") != std::string::npos);
}

/// Whether another value uses the name, which is then the admin's own.
bool is_used_name(const PostfixSite& site, const std::string& name) {
  return std::ranges::any_of(site.values, [&](const auto& entry) {
    const auto& value = entry.second;
    return value.find("$" + name) != std::string::npos ||
           value.find("${" + name + "}") != std::string::npos ||
           value.find("$(" + name + ")") != std::string::npos;
  });
}

bool is_restriction_class(const PostfixSite& site, const std::string& name) {
  auto found = site.values.find("smtpd_restriction_classes");
  if (found == site.values.end()) return false;
  auto classes = words(found->second, ", \t");
  return std::ranges::find(classes, name) != classes.end();
}

std::string setting_name(std::string_view service, std::string_view name) {
  if (service.empty()) return std::string(name);
  return "service." + std::string(service) + "." + std::string(name);
}

}  // namespace

Result<void> take_postfix_setting(const PostfixSite& site, std::string_view service,
                                  const PostfixSetting& setting, SourcePlace place) {
  auto& made = site.made;
  const auto& name = setting.name;
  auto told = name + " = " + setting.value;
  if (is_silent(name) || is_dovecot_sasl(setting)) return {};
  for (const auto& old : old_names) {
    if (name != old.name) continue;
    bool is_new_given = site.values.contains(std::string(old.setting));
    if (setting.value == "yes" && !is_new_given) {
      made.set(setting_name(service, old.setting), std::string(old.value), place);
    }
    return {};
  }
  for (const auto& remedy : remedies) {
    if (name != remedy.name) continue;
    made.lacks(place, told, std::string(remedy.text));
    return {};
  }
  if (is_transport(name) && leads_to_dovecot(setting.value)) {
    made.lacks(place, told, "left out: mail is delivered into the mailboxes here, without Dovecot");
    return {};
  }
  if (!find_parameter(name) && !is_restriction_class(site, name)) {
    if (!is_used_name(site, name)) made.lacks(place, told, "there is no such setting here");
    return {};
  }
  TRY(auto value, with_copied_tables(site, name, site.expanded(setting.value), place));
  made.set(setting_name(service, name), std::move(value), std::move(place));
  return {};
}

Result<void> read_postfix_settings(const PostfixSite& site,
                                   const std::vector<PostfixSetting>& settings) {
  for (const auto& setting : settings) {
    TRY_DO(take_postfix_setting(site, "", setting, site.at(setting.line)));
  }
  return {};
}

}  // namespace pennypost::smtp
