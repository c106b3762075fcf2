#include "smtpd/backup/places.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>

#include "common/base/text.h"
#include "common/base/words.h"
#include "common/config/tables.h"
#include "smtpd/backup/maildir_places.h"
#include "store/accounts/account_names.h"
#include "store/accounts/accounts.h"
#include "store/index/index.h"
#include "store/search/place.h"

namespace pennypost::smtp {
namespace {

/// The settings whose value is a path of something to read, and not of a directory to work in.
bool is_of_admin(std::string_view name) {
  return name.ends_with("_file") || name.ends_with("_chain_files") || name.ends_with("CAfile") ||
         name == "ssl_cert" || name == "ssl_key" || name == "dkim_key_directory";
}

void add_named_files(const Config& config, std::vector<std::string>& paths) {
  auto add = [&](std::string_view text) {
    for (auto word : words(text)) {
      if (word.starts_with('<')) word.remove_prefix(1);  // Dovecot's notation for a file's content
      if (word.starts_with('/')) paths.emplace_back(word);
    }
  };
  for (const auto& parameter : parameters()) {
    if (!is_of_admin(parameter.name) || parameter.name == "maillog_file") continue;
    add(config.text(parameter.name));
  }
  for (const auto& own : config.own_texts()) {
    if (is_of_admin(own.parameter->name)) add(own.text);
  }
}

void add_tables(const Config& config, std::vector<std::string>& paths) {
  for (const auto& named : tables_in(config)) {
    const std::string& file = named.table.name;
    if (!file.starts_with('/')) continue;
    paths.push_back(file);
    paths.push_back(file + ".rdb");  // a table without its source; followed to its generation
  }
}

/// Whether a table asks a server or a database, whose content is not ours to copy.
bool is_kept_elsewhere(const TableRef& table) {
  constexpr std::array types{"ldap", "mysql", "pgsql", "sqlite"};
  return std::ranges::find(types, table.type) != types.end();
}

/// One line for each such table, with the settings that name it.
std::vector<std::string> tables_elsewhere(const Config& config) {
  std::map<std::string, std::vector<std::string>> by_table;
  for (const auto& named : tables_in(config)) {
    if (!is_kept_elsewhere(named.table)) continue;
    auto& settings = by_table[named.table.text()];
    if (!holds(settings, named.parameter)) settings.push_back(named.parameter);
  }
  std::vector<std::string> lines;
  for (const auto& [table, settings] : by_table) {
    lines.push_back(table + " (" + join(settings, ", ") +
                    "): its settings are in the backup, what it looks up is not; keep a copy of " +
                    "the directory or database by its own means");
  }
  return lines;
}

Result<std::optional<MailPlace>> place_by_name(const store::Accounts& accounts,
                                               const std::string& name) {
  TRY(auto account, accounts.by_name(name));
  if (!account) return std::optional<MailPlace>();
  TRY(auto place, mail_place(*account));
  return std::optional(std::move(place));
}

}  // namespace

Result<std::vector<store::AccountRef>> all_accounts(const std::shared_ptr<const Config>& config) {
  TRY(auto names, store::account_names(config));
  TRY(auto accounts, store::Accounts::open(config, store::system_users_of(*config)));
  std::vector<store::AccountRef> all;
  for (const auto& name : names) {
    TRY(auto account, accounts.by_name(name));
    if (account) all.push_back(*std::move(account));
  }
  return all;
}

Result<MailPlace> mail_place(const store::AccountRef& account) {
  MailPlace place;
  place.account = account;
  TRY(place.location,
      store::MailLocation::parse(account.mail_location, {account.name, account.home}));
  if (!account.is_system) place.paths.push_back(account.home);
  if (account.is_system) place.paths.push_back(account.home + "/.forward");
  place.paths.push_back(place.location.root);
  place.paths.push_back(place.location.inbox);
  place.paths.push_back(place.location.index);
  if (!place.location.control.empty()) place.paths.push_back(place.location.control);
  return place;
}

BackupAccount described(const MailPlace& place) {
  bool is_mbox = place.location.format == store::MailLocation::Format::Mbox;
  std::string format(is_mbox ? "mbox" : place.location.is_fs() ? maildir_fs_format : "maildir");
  return {place.account.name, std::move(format), place.location.root, place.location.inbox,
          place.location.control};
}

Result<HostPlaces> places_of(const std::shared_ptr<const Config>& config,
                             const std::string& config_directory) {
  HostPlaces places;
  places.settings = {config_directory, config->data_directory};
  add_named_files(*config, places.settings);
  add_tables(*config, places.settings);
  places.left_out = {config->index_directory, config->base_dir};
  if (!config->maillog_file.empty()) places.left_out.push_back(config->maillog_file);
  places.elsewhere = tables_elsewhere(*config);
  if (config->role == Role::NullClient) return places;
  TRY(auto names, store::account_names(config));
  TRY(auto accounts, store::Accounts::open(config, store::system_users_of(*config)));
  for (const auto& name : names) {
    auto place = place_by_name(accounts, name);
    const bool is_own = name.find('@') != name.npos;
    if (!place) {
      places.problems.push_back("mail of " + name + ": " + place.error().text());
    } else if (!*place && is_own) {
      places.problems.push_back("mail of " + name +
                                ": users_map has a user of whom no login is valid");
    } else if (*place) {
      places.left_out.push_back(store::index_directory((*place)->location));
      places.left_out.push_back(store::words_directory((*place)->location));
      places.mail.push_back(**std::move(place));
    }
  }
  places.rest = config->virtual_mailbox_base;
  return places;
}

}  // namespace pennypost::smtp
