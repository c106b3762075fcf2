// A passwd-file of Dovecot's as own users.
#include <algorithm>

#include "common/base/text.h"
#include "smtpd/migration/dovecot.h"
#include "store/accounts/accounts.h"
#include "store/accounts/authenticator.h"

namespace pennypost::smtp {
namespace {

constexpr std::size_t home_column = 5;
// As virtual_mailbox_base has it.
constexpr std::string_view usual_home = "/var/vmail/%d/%n";
constexpr std::size_t extra_column = 7;

using Kind = MigratedTable::Kind;

// `userdb_quota_rule=*:storage=1G userdb_mail=maildir:~/M nopassword`: each word NAME or
// NAME=VALUE.
std::string extra_field(std::string_view extra, std::string_view name) {
  for (auto word : words(extra, " \t")) {
    auto bare = word.starts_with("userdb_") ? word.substr(7) : word;
    if (bare.starts_with(name) && bare.substr(name.size()).starts_with('=')) {
      return std::string(bare.substr(name.size() + 1));
    }
  }
  return "";
}

void tell_extras(std::string_view extra, const SourcePlace& place, const std::string& user,
                 Migration& migration) {
  for (auto word : words(extra, " \t")) {
    auto bare = word.starts_with("userdb_") ? word.substr(7) : word;
    auto name = bare.substr(0, bare.find('='));
    bool is_known = name == "home" || name == "mail" || name == "quota_rule" || name == "admin" ||
                    name == "acl_groups" || name == "uid" || name == "gid";
    if (!is_known) {
      migration.lacks(place, user + ": " + std::string(word), "the field is not known here");
    }
  }
}

// The rest of the line from a column, colons included: extra fields may hold some.
std::string_view from_column(std::string_view line, std::size_t column) {
  for (; column > 0; --column) {
    auto colon = line.find(':');
    if (colon == line.npos) return {};
    line.remove_prefix(colon + 1);
  }
  return line;
}

// The usual home, with the user put in for %u, %n and %d.
std::string home_of(std::string_view form, std::string_view user) {
  auto at = user.rfind('@');
  if (form.empty()) form = usual_home;
  std::string home;
  for (std::size_t i = 0; i < form.size(); ++i) {
    char letter = form[i] == '%' && i + 1 < form.size() ? form[++i] : '\0';
    if (letter == 'u') {
      home += user;
    } else if (letter == 'n') {
      home += user.substr(0, at);
    } else if (letter == 'd') {
      home += user.substr(at + 1);
    } else {
      home += form[i];
    }
  }
  return home;
}

}  // namespace

void read_passwd_file(const PasswdFile& file, Migration& migration) {
  SourcePlace place{file.path, 0};
  for (auto line : split(file.text, '\n')) {
    ++place.line;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (trim(line).empty() || line.starts_with('#')) continue;
    auto fields = split(line, ':');
    std::string user(trim(fields[0]));
    if (user.find('@') == user.npos) {
      migration.lacks(place, user,
                      "the user has no domain: own users have full addresses; "
                      "pennypost user add makes one");
      continue;
    }
    auto extra = from_column(line, extra_column);
    store::OwnUserFields entry;
    entry.home = fields.size() > home_column ? std::string(trim(fields[home_column])) : "";
    if (auto home = extra_field(extra, "home"); !home.empty()) entry.home = home;
    if (entry.home.empty()) entry.home = home_of(file.home, user);
    entry.mail = extra_field(extra, "mail");
    entry.quota_rule = extra_field(extra, "quota_rule");
    entry.acl_groups = extra_field(extra, "acl_groups");
    // Dovecot looks at the first letter alone.
    if (auto admin = lower(extra_field(extra, "admin")); admin.starts_with('y'))
      entry.admin = "yes";
    if (auto checked = store::OwnUserFields::parse(entry.text()); !checked) {
      migration.lacks(place, user + ": " + entry.text(), checked.error().text());
      continue;
    }
    tell_extras(extra, place, user, migration);
    migration.entry("users", user, entry.text(), Kind::Hash);
    if (!file.has_passwords || fields.size() < 2 || fields[1].empty()) continue;
    std::string password(fields[1]);
    if (!password.starts_with('{')) password = "{" + file.scheme + "}" + password;
    auto stored = store::StoredCredentials::parse(password);
    if (stored) {
      migration.entry("credentials", user, stored->text(), Kind::Secret);
    } else {
      migration.lacks(place, user + ": " + password.substr(0, password.find('}') + 1),
                      "the password's scheme is not known: pennypost user passwd sets a new one");
    }
  }
}

}  // namespace pennypost::smtp
