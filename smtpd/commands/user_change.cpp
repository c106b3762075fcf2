#include "smtpd/commands/user_change.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "common/base/file.h"
#include "common/base/text.h"
#include "common/config/tables.h"
#include "common/process/privileges.h"
#include "smtpd/backup/archive.h"
#include "smtpd/backup/places.h"
#include "smtpd/commands/user_shares.h"
#include "store/accounts/accounts.h"
#include "store/maps/source.h"
#include "store/maps/written_values.h"

namespace pennypost::smtp {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t journal_bytes_max = 64 * 1024;

bool is_below(const std::string& path, const std::string& directory) {
  return path == directory || path.starts_with(directory + "/");
}

bool is_link(const std::string& path) {
  std::error_code problem;
  return fs::is_symlink(fs::symlink_status(path, problem));
}

bool is_there(const std::string& path) {
  std::error_code problem;
  return fs::exists(fs::symlink_status(path, problem));
}

/// The directories above `to`, made like those above `from`.
Result<void> make_above(const std::string& to, const std::string& from) {
  fs::path above = fs::path(to).parent_path();
  struct stat like {};
  if (is_there(above)) return {};
  if (::stat(fs::path(from).parent_path().c_str(), &like) != 0) return file_error("read", from);
  TRY_DO(make_above(above, fs::path(from).parent_path()));
  TRY_DO(make_directory(above, like.st_mode & 07777u));
  if (is_root() && ::chown(above.c_str(), like.st_uid, like.st_gid) != 0) {
    return file_error("chown", above);
  }
  return {};
}

/// Where an account has mail, without what is below another such place.
std::vector<std::string> tops(const MailPlace& place) {
  std::vector<std::string> found;
  for (const auto& path : place.paths) {
    bool is_known =
        std::ranges::any_of(found, [&](const auto& top) { return is_below(path, top); });
    if (!is_known) found.push_back(path);
  }
  return found;
}

Result<MailPlace> place_of_user(const std::shared_ptr<const Config>& config,
                                const std::string& name) {
  TRY(auto accounts, store::Accounts::open(config, store::system_users_of(*config)));
  TRY(auto account, accounts.by_name(name));
  if (!account) return Error(550, "there is no user " + name);
  return mail_place(*account);
}

/// The same account under another name and home.
Result<MailPlace> place_under(const Config& config, MailPlace place, const std::string& name,
                              const store::OwnUserFields& fields) {
  place.account.name = name;
  place.account.home = fields.home;
  place.account.mail_location = fields.mail.empty() ? config.virtual_mail_location : fields.mail;
  return mail_place(place.account);
}

/// The values in a source of aliases.
Result<std::vector<store::WrittenValue>> written_aliases(const TableRef& table) {
  std::vector<store::WrittenValue> values;
  if (table.type != "hash" && table.type != "texthash") return values;
  TRY(auto text, store::read_source(table.name));
  TRY(auto entries, store::parse_source(text, store::SourceSyntax::Aliases, table.name));
  for (auto& entry : entries) {
    values.push_back({table.name + ":" + std::to_string(entry.line), std::move(entry.value)});
  }
  return values;
}

}  // namespace

std::string UserChange::Plan::text() const {
  std::string out = new_name.empty()
                        ? "del\t" + old_name + "\n"
                        : "rename\t" + old_name + "\t" + new_name + "\t" + fields + "\n";
  if (!archive.empty()) out += "archive\t" + archive + "\n";
  for (const auto& [from, to] : paths) add(out, "path\t", from, "\t", to, "\n");
  return out + "end\n";
}

UserChange::Plan UserChange::Plan::parse(std::string_view text) {
  Plan plan;
  if (!text.ends_with("\nend\n")) return plan;
  for (auto line : split(text, '\n')) {
    auto fields = split(line, '\t');
    if (fields[0] == "del" && fields.size() == 2) plan.old_name = fields[1];
    if (fields[0] == "rename" && fields.size() == 4) {
      plan.old_name = fields[1];
      plan.new_name = fields[2];
      plan.fields = fields[3];
    }
    if (fields[0] == "archive" && fields.size() == 2) plan.archive = fields[1];
    if (fields[0] == "path" && fields.size() == 3) plan.paths.emplace_back(fields[1], fields[2]);
  }
  return plan;
}

Result<UserChange> UserChange::begin(std::shared_ptr<const Config> config,
                                     const store::OwnUsers& users) {
  UserChange change(std::move(config), users);
  change.file_ = change.config_->users_map.name + ".change";
  TRY(change.journal_, open_file(change.file_, O_RDWR | O_CREAT | O_NOFOLLOW));
  if (::flock(change.journal_.number(), LOCK_EX) != 0) return file_error("lock", change.file_);
  TRY(auto text, read_range(change.journal_.number(), 0, journal_bytes_max, change.file_));
  TRY_DO(change.perform(Plan::parse(text)));
  return change;
}

Result<void> UserChange::write(const std::string& text) {
  if (::ftruncate(journal_.number(), 0) != 0 || ::lseek(journal_.number(), 0, SEEK_SET) != 0) {
    return file_error("write", file_);
  }
  TRY_DO(write_all(journal_.number(), text, file_));
  return sync_file(journal_.number(), file_);
}

Result<void> UserChange::perform(const Plan& plan) {
  if (!plan.old_name.empty()) {
    TRY_DO(plan.new_name.empty() ? do_remove(plan) : do_rename(plan));
  }
  return write("");
}

Result<UserChange::Renamed> UserChange::rename(const std::string& old_name,
                                               const std::string& new_name) {
  Plan plan;
  TRY(plan.old_name, users_.full_name(old_name));
  TRY(plan.new_name, users_.full_name(new_name));
  TRY(auto all, users_.list());
  auto old = std::ranges::find(all, plan.old_name, &store::OwnUser::name);
  if (old == all.end()) return Error(550, "there is no user " + plan.old_name);
  if (std::ranges::find(all, plan.new_name, &store::OwnUser::name) != all.end()) {
    return Error(550, "the user " + plan.new_name + " exists already");
  }
  TRY(auto from, place_of_user(config_, plan.old_name));
  auto fields = old->fields;
  bool is_usual = from.account.home == users_.usual_home(plan.old_name);
  fields.home = is_usual ? users_.usual_home(plan.new_name) : from.account.home;
  plan.fields = fields.text();
  TRY(auto to, place_under(*config_, from, plan.new_name, fields));
  for (std::size_t i = 0; i < from.paths.size(); ++i) {
    bool moves_with_another = std::ranges::any_of(
        plan.paths, [&](const auto& path) { return is_below(from.paths[i], path.first); });
    if (moves_with_another || from.paths[i] == to.paths[i] || !is_there(from.paths[i])) continue;
    if (is_there(to.paths[i])) {
      return Error(550, to.paths[i] + " is there already, where the mail of " + plan.new_name +
                            " would be; move it away");
    }
    plan.paths.emplace_back(from.paths[i], to.paths[i]);
  }
  TRY_DO(write(plan.text()));
  TRY_DO(perform(plan));
  return Renamed{plan.old_name, plan.new_name, fields.home};
}

Result<void> UserChange::do_rename(const Plan& plan) {
  TRY(auto fields, store::OwnUserFields::parse(plan.fields));
  for (const auto& [from, to] : plan.paths) {
    if (is_there(to)) continue;  // done before
    TRY_DO(make_above(to, from));
    if (::symlink(from.c_str(), to.c_str()) != 0) return file_error("make", to);
  }
  TRY_DO(users_.rename(plan.old_name, plan.new_name, fields));
  for (const auto& [from, to] : plan.paths) {
    if (is_link(to) &&
        ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) != 0) {
      return file_error("rename", from + " to " + to);
    }
    if (is_link(from) && ::unlink(from.c_str()) != 0) return file_error("remove", from);
    TRY_DO(sync_directory(fs::path(to).parent_path()));
    TRY_DO(sync_directory(fs::path(from).parent_path()));
  }
  return clean_shares(config_, plan.old_name, plan.new_name);
}

Result<UserChange::Removed> UserChange::remove(const std::string& name, Mail mail,
                                               const std::string& archive) {
  Plan plan;
  TRY(plan.old_name, users_.full_name(name));
  TRY(auto all, users_.list());
  auto old = std::ranges::find(all, plan.old_name, &store::OwnUser::name);
  if (old == all.end()) {
    TRY_DO(users_.remove(plan.old_name));  // perhaps a password is left
    return Error(550, "there is no user " + plan.old_name);
  }
  plan.archive = archive;
  if (mail == Mail::Archive && is_there(archive)) {
    return Error(550, archive + " is there already; name another file");
  }
  if (mail != Mail::Keep) {
    TRY(plan.paths, paths_aside(plan.old_name));
  }
  TRY_DO(write(plan.text()));
  TRY_DO(perform(plan));
  return Removed{plan.old_name, old->fields.home};
}

/// Where the mail of a user is, and where it goes before it is removed.
Result<std::vector<UserChange::Path>> UserChange::paths_aside(const std::string& name) const {
  std::vector<Path> paths;
  TRY(auto place, place_of_user(config_, name));
  TRY(auto accounts, all_accounts(config_));
  for (const auto& top : tops(place)) {
    for (const auto& other : accounts) {
      if (other.name == name) continue;
      TRY(auto others, mail_place(other));
      bool is_shared = std::ranges::any_of(others.paths, [&](const auto& path) {
        return is_below(path, top) || is_below(top, path);
      });
      if (!is_shared) continue;
      return Error(550, top + " has the mail of " + other.name +
                            " as well; del without --with-mail and --archive keeps it");
    }
    if (is_there(top)) paths.emplace_back(top, top + ".removed");
  }
  return paths;
}

Result<void> UserChange::do_remove(const Plan& plan) {
  auto gone = users_.remove(plan.old_name);
  if (!gone && gone.error().code() != 550) return std::move(gone).error();
  std::vector<std::string> aside;
  for (const auto& [from, to] : plan.paths) {
    // Once it is aside, a directory of the old name is a new user's.
    if (!is_there(to) && is_there(from) && ::rename(from.c_str(), to.c_str()) != 0) {
      return file_error("rename", from);
    }
    if (is_there(to)) aside.push_back(to);
  }
  if (!plan.archive.empty() && !is_there(plan.archive)) {
    TRY_DO(write_archive(plan.archive, aside));
  }
  if (!plan.archive.empty()) ::unlink((plan.archive + ".new").c_str());  // of an interrupted call
  for (const auto& path : aside) {
    std::error_code problem;
    fs::remove_all(path, problem);
    if (problem) return Error::temporary("can't remove " + path + ": " + problem.message());
  }
  return clean_shares(config_, plan.old_name, "");
}

std::vector<std::string> lines_that_name(const Config& config, const std::string& address) {
  std::vector<std::string> found;
  const std::string local = address.substr(0, address.rfind('@'));
  const bool is_of_realm = address.ends_with("@" + config.auth_realm);
  for (const auto& named : tables_in(config)) {
    if (named.parameter == "users_map" || named.parameter == "credentials_map") continue;
    const bool is_aliases = named.parameter == "alias_maps";
    auto values = is_aliases ? written_aliases(named.table) : store::written_values(named.table);
    if (!values) continue;  // pennypost check tells of it
    for (const auto& [where, value] : *values) {
      bool is_named = std::ranges::any_of(words(value), [&](std::string_view word) {
        return equal_nocase(word, address) ||
               (is_aliases && is_of_realm && equal_nocase(word, local));
      });
      if (is_named) found.push_back(where + ": " + named.parameter);
    }
  }
  std::ranges::sort(found);
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace pennypost::smtp
