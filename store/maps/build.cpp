#include "store/maps/build.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "common/base/text.h"
#include "common/mail/idn.h"
#include "common/mail/unicode.h"
#include "store/maps/map.h"

namespace pennypost::store {
namespace {

bool may_read(const Identity& user, const TableAccess& access) {
  if ((access.mode & 0004) != 0) return true;
  if ((access.mode & 0040) == 0 || !access.group) return false;
  return access.group == user.gid ||
         std::ranges::find(user.groups, *access.group) != user.groups.end();
}

/// While BuildLock acts as another user we are not root, and can't grant this either.
void admit_reader(const std::optional<Identity>& reader, TableAccess& access) {
  if (!reader || ::geteuid() != 0 || may_read(*reader, access)) return;
  access.mode |= 0040;
  access.group = reader->gid;
}

TableAccess access_for(const TableAccess& of_source, const BuildOptions& options) {
  auto access = options.readable_by_all ? TableAccess{} : of_source;
  admit_reader(options.reader, access);
  return access;
}

/// The content of the files that `value` lists, as postmap -F stores it.
Result<std::string> content_of(std::string_view value) {
  std::string content;
  for (auto name : words(value)) {
    TRY(auto text, read_source(std::filesystem::absolute(name).string()));
    if (!content.empty()) content += '\n';
    content += text;
    if (content.size() > map_value_bytes_max) {
      return Error::temporary("the files have more than " + std::to_string(map_value_bytes_max) +
                              " bytes");
    }
  }
  return base64_encode(content);
}

/// Makes of an entry what is stored. Error: why the line is to be skipped.
Result<void> prepare(SourceEntry& entry, const BuildOptions& options) {
  if (options.utf8_only && !(is_utf8(entry.key) && is_utf8(entry.value))) {
    return Error::permanent("\"" + printable(entry.key, 100) + " " + printable(entry.value, 100) +
                            "\" is not UTF-8; convert the file, or build it with -u");
  }
  if (options.values_are_files) {
    TRY(entry.value, content_of(entry.value));
  }
  if (options.fold_keys) entry.key = folded_key_of_table(entry.key);
  return {};
}

}  // namespace

Result<void> add_entries(std::string_view text, const std::string& file,
                         const BuildOptions& options, Entries& entries) {
  auto warn = [&](const std::string& problem) {
    if (options.warn) options.warn(problem);
  };
  TRY(auto parsed, parse_source(text, options.syntax, file, warn));
  for (auto& entry : parsed) {
    auto prepared = prepare(entry, options);
    if (!prepared) {
      warn(source_error(file, entry.line, prepared.error().text()).text() +
           "; the line is ignored");
      continue;
    }
    auto [place, is_new] = entries.try_emplace(entry.key, entry.value);
    if (is_new) continue;
    if (options.duplicates == Duplicates::Replace) place->second = entry.value;
    if (options.duplicates == Duplicates::Warn) {
      warn(source_error(file, entry.line, "duplicate entry: \"" + entry.key + "\"").text());
    }
  }
  return {};
}

Result<std::size_t> build_map(const std::string& file, const BuildOptions& options) {
  TRY(auto lock, BuildLock::take(file, options.rights));
  TRY(auto text, read_source(file));
  Entries entries;
  TRY_DO(add_entries(text, file, options, entries));
  TRY(auto access, TableAccess::of(file));
  TRY_DO(build_generation(lock, file, entries, access_for(access, options), Clock::system(),
                          options.keep_old));
  return entries.size();
}

Result<Entries> read_map(const std::string& file) {
  TRY(auto generation, open_generation(file));
  Entries entries;
  auto entry = generation.database.scan("");
  for (; entry.valid(); entry.next()) {
    entries.emplace_hint(entries.end(), entry.key(), entry.value());
  }
  TRY_DO(entry.status());
  return entries;
}

Result<void> change_map(const std::string& file, const BuildOptions& options, Missing missing,
                        const std::function<Result<Changed>(Entries& entries)>& change) {
  TRY(auto lock, BuildLock::take(file, options.rights));
  Entries entries;
  auto old = read_map(file);
  if (old) {
    entries = std::move(*old);
  } else if (missing == Missing::IsAnError ||
             storage_problem(old.error()) != StorageProblem::Absent) {
    return old.error();
  }
  TRY(auto changed, change(entries));
  if (old && changed == Changed::No) return {};
  // A table without a source keeps its permissions.
  auto current = current_generation(file);
  auto access = TableAccess::of(file);
  if (!access && current) access = TableAccess::of(*current);
  auto granted = access_for(access ? *access : TableAccess{}, options);
  return build_generation(lock, file, entries, granted, Clock::system(), options.keep_old);
}

}  // namespace pennypost::store
