#include "smtpd/routing/sts_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "common/base/file.h"
#include "common/base/text.h"
#include "common/dns/message.h"
#include "common/process/directories.h"
#include "common/process/privileges.h"

namespace pennypost::smtp {
namespace {

constexpr std::uint64_t file_bytes_max = 2 * 1024 * 1024;
constexpr std::string_view id_line = "id: ";
constexpr std::string_view fetched_line = "fetched: ";

/// The value of the first line, which is taken off the text; nothing if it is another.
std::optional<std::string> take_line(std::string_view& text, std::string_view name) {
  if (!text.starts_with(name)) return std::nullopt;
  auto end = text.find('\n');
  if (end == text.npos) return std::nullopt;
  std::string value(text.substr(name.size(), end - name.size()));
  text.remove_prefix(end + 1);
  return value;
}

}  // namespace

std::string sts_directory(const std::string& data_directory) { return data_directory + "/mta-sts"; }

Result<void> prepare_sts_directory(const Config& config) {
  // Also where it is off, so that a reload can turn it on: the process that writes there may write
  // to what existed when it began.
  if (config.role == Role::NullClient && !config.smtp_tls_mta_sts) return {};
  std::optional<Identity> owner;
  if (is_root()) {
    TRY(owner, Identity::of_user(config.mail_owner, "mail_owner"));
  }
  const Identity* whose = owner ? &*owner : nullptr;
  TRY_DO(prepare_directory(config.data_directory, 0755, nullptr, "data_directory"));
  return prepare_directory(sts_directory(config.data_directory), 0700, whose, "data_directory");
}

std::string KeptSts::file_text() const {
  return std::string(id_line) + id + "\n" + std::string(fetched_line) + std::to_string(fetched) +
         "\n" + text;
}

std::optional<KeptSts> KeptSts::parse(const std::string& file_text) {
  std::string_view rest = file_text;
  auto id = take_line(rest, id_line);
  auto fetched = take_line(rest, fetched_line);
  auto seconds = parse_number(fetched.value_or(""));
  auto policy = StsPolicy::parse(rest);
  if (!id || !seconds || !policy) return std::nullopt;
  KeptSts kept;
  kept.id = *std::move(id);
  kept.fetched = static_cast<std::int64_t>(*seconds);
  kept.text = rest;
  kept.policy = *std::move(policy);
  return kept;
}

Result<void> StsStore::load(std::int64_t now, std::size_t policies_max) {
  std::error_code problem;
  std::filesystem::directory_iterator files(directory_, problem);
  if (problem) return file_error("read", directory_, problem.value());
  for (; files != std::filesystem::directory_iterator(); files.increment(problem)) {
    if (problem) return file_error("read", directory_, problem.value());
    std::string domain = files->path().filename();
    auto text = read_file(files->path(), file_bytes_max);
    if (!text || !*text) continue;
    auto kept = KeptSts::parse(**text);
    bool is_good = kept && kept->is_alive(now) && is_host_name(domain);
    if (is_good) {
      put(domain, *std::move(kept), policies_max);
    } else {
      ::unlink(files->path().c_str());
    }
  }
  return {};
}

const KeptSts* StsStore::find(const std::string& domain, std::int64_t now) const {
  auto found = kept_.find(domain);
  return found == kept_.end() || !found->second.is_alive(now) ? nullptr : &found->second;
}

void StsStore::put(const std::string& domain, KeptSts kept, std::size_t policies_max) {
  kept_[domain] = std::move(kept);
  if (kept_.size() <= policies_max) return;
  auto oldest =
      std::ranges::min_element(kept_, {}, [](const auto& entry) { return entry.second.fetched; });
  ::unlink((directory_ + "/" + oldest->first).c_str());
  kept_.erase(oldest);
}

Result<void> StsStore::write(const std::string& directory, const std::string& domain,
                             const KeptSts& kept) {
  std::string path = directory + "/" + domain;
  // A name that is no host's, so that load() removes what a crash leaves behind.
  std::string beside = directory + "/." + domain + ".new";
  ::unlink(beside.c_str());
  TRY(auto file, open_file(beside, O_WRONLY | O_CREAT | O_EXCL));
  TRY_DO(write_all(file.number(), kept.file_text(), beside));
  TRY_DO(sync_file(file.number(), beside));
  if (std::rename(beside.c_str(), path.c_str()) != 0) return file_error("rename", beside);
  return sync_directory(directory);
}

}  // namespace pennypost::smtp
