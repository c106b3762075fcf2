#include "store/maps/build.h"

#include <unistd.h>

#include <algorithm>

#include "common/mail/idn.h"

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

}  // namespace

Result<void> add_entries(std::string_view text, const std::string& file,
                         const BuildOptions& options, Entries& entries) {
  auto warn = [&](const std::string& problem) {
    if (options.warn) options.warn(problem);
  };
  TRY(auto parsed, parse_source(text, options.syntax, file, warn));
  for (auto& entry : parsed) {
    std::string key = options.fold_keys ? folded_key_of_table(entry.key) : entry.key;
    auto [place, is_new] = entries.try_emplace(key, entry.value);
    if (is_new) continue;
    if (options.duplicates == Duplicates::Replace) place->second = entry.value;
    if (options.duplicates == Duplicates::Warn && options.warn) {
      options.warn(source_error(file, entry.line, "duplicate entry: \"" + key + "\"").text());
    }
  }
  return {};
}

Result<void> build_map(const std::string& file, const BuildOptions& options) {
  TRY(auto lock, BuildLock::take(file));
  TRY(auto text, read_source(file));
  Entries entries;
  TRY_DO(add_entries(text, file, options, entries));
  TRY(auto access, TableAccess::of(file));
  admit_reader(options.reader, access);
  return build_generation(lock, file, entries, access, Clock::system(), options.keep_old);
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

Result<void> change_map(const std::string& file, const BuildOptions& options,
                        const std::function<Result<void>(Entries& entries)>& change) {
  TRY(auto lock, BuildLock::take(file));
  Entries entries;
  auto old = read_map(file);
  if (old) {
    entries = std::move(*old);
  } else if (storage_problem(old.error()) != StorageProblem::Absent) {
    return old.error();
  }
  TRY_DO(change(entries));
  // A table without a source keeps its permissions.
  auto current = current_generation(file);
  auto access = TableAccess::of(file);
  if (!access && current) access = TableAccess::of(*current);
  auto granted = access ? *access : TableAccess{};
  admit_reader(options.reader, granted);
  return build_generation(lock, file, entries, granted, Clock::system(), options.keep_old);
}

}  // namespace pennypost::store
