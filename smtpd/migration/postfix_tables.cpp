// Copies the tables that main.cf names beside main.toml, and names the copies.
//
//   hash: btree: lmdb: cdb: dbm: sdbm: texthash:   hash: of a copy of the source, built anew
//   regexp: pcre: cidr:                            a copy of the same kind
//   mysql: pgsql: ldap: sqlite:                    the same file of the connection
//   static: inline: unionmap: pipemap: randmap:    as they are
#include <algorithm>
#include <array>

#include "common/base/text.h"
#include "smtpd/migration/postfix.h"

namespace pennypost::smtp {
namespace {

enum class As { Hash, Copy, Same, Nothing };
struct TableType {
  std::string_view name;
  As as;
};
constexpr std::array types{
    TableType{"btree", As::Hash},      TableType{"cdb", As::Hash},
    TableType{"cidr", As::Copy},       TableType{"dbm", As::Hash},
    TableType{"environ", As::Nothing}, TableType{"fail", As::Nothing},
    TableType{"hash", As::Hash},       TableType{"ldap", As::Same},
    TableType{"lmdb", As::Hash},       TableType{"memcache", As::Nothing},
    TableType{"mysql", As::Same},      TableType{"nis", As::Nothing},
    TableType{"nisplus", As::Nothing}, TableType{"pcre", As::Copy},
    TableType{"pgsql", As::Same},      TableType{"regexp", As::Copy},
    TableType{"sdbm", As::Hash},       TableType{"socketmap", As::Nothing},
    TableType{"sqlite", As::Same},     TableType{"tcp", As::Nothing},
    TableType{"texthash", As::Hash},   TableType{"unix", As::Nothing},
};
static_assert(std::ranges::is_sorted(types, {}, &TableType::name));

constexpr std::string_view proxy = "proxy:";

const TableType* type_of(std::string_view word) {
  auto name = word.substr(0, word.find(':'));
  auto row = std::ranges::lower_bound(types, name, {}, &TableType::name);
  bool is_type = word.size() > name.size() && row != types.end() && row->name == name;
  return is_type ? &*row : nullptr;
}

// The name beside main.toml for the copy of a file; empty: another file has it.
std::string copy_name(const PostfixSite& site, const std::string& path, const std::string& text) {
  auto base = path.substr(path.rfind('/') + 1);
  for (const std::string& name : {base, "postfix-" + base}) {
    bool is_taken = name == "main.toml" || name == "users" || name == "credentials";
    auto found = site.made.tables().find(name);
    bool is_same = found != site.made.tables().end() && found->second.text == text;
    if (!is_taken && (found == site.made.tables().end() || is_same)) return name;
  }
  return "";
}

Result<std::string> copied(const PostfixSite& site, const std::string& setting,
                           const TableType& type, std::string_view word, SourcePlace place) {
  std::string path(word.substr(type.name.size() + 1));
  if (!path.starts_with('/')) path = site.directory + "/" + path;
  TRY(auto text, site.read(path));
  if (!text) {
    site.made.lacks(std::move(place), std::string(word),
                    "there is no " + path +
                        "; if only the built table is left, write its source by postmap -s");
    return std::string(word);
  }
  auto name = copy_name(site, path, *text);
  if (name.empty()) {
    site.made.lacks(std::move(place), std::string(word),
                    "another table has the same name; copy it under one of its own");
    return std::string(word);
  }
  bool is_aliases = setting == "alias_maps" || setting == "alias_database";
  using Kind = MigratedTable::Kind;
  auto kind = type.as == As::Copy ? Kind::Patterns : is_aliases ? Kind::Aliases : Kind::Hash;
  site.made.table(name, kind).text = *text;
  std::string shown = type.as == As::Copy ? std::string(type.name) : "hash";
  return shown + ":" + site.made.directory() + "/" + name;
}

}  // namespace

Result<std::string> with_copied_tables(const PostfixSite& site, const std::string& name,
                                       std::string_view value, SourcePlace place) {
  std::string out;
  while (!value.empty()) {
    auto bytes = std::min(value.find_first_of(" \t,{}="), value.size());
    auto word = value.substr(0, bytes);
    value.remove_prefix(bytes);
    if (word.starts_with(proxy)) word.remove_prefix(proxy.size());
    const auto* type = type_of(word);
    bool is_left_out = type != nullptr && type->as == As::Nothing;
    if (is_left_out) {
      site.made.lacks(
          place, std::string(word),
          "left out: tables of the type " + std::string(type->name) + " are not known here");
    } else if (type == nullptr || type->as == As::Same) {
      out += word;
    } else {
      TRY(auto copy, copied(site, name, *type, word, place));
      out += copy;
    }
    auto between = std::min(value.find_first_not_of(" \t,{}="), value.size());
    if (!is_left_out) out += value.substr(0, between);
    value.remove_prefix(between);
  }
  while (out.ends_with(' ') || out.ends_with(',')) out.pop_back();
  return out;
}

}  // namespace pennypost::smtp
