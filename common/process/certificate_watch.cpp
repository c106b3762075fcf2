// Brings a renewed certificate into force without a reload. Members of Master.
//
// Files that a service shows its certificate from are looked at each certificate_check_interval. If
// they have changed, all processes are given what is in them now, in the two steps of a reload
// (reload.cpp), but with the configuration that is in force: an edit of main.toml waits for its
// reload. A certificate that can't be used changes nothing: that is logged once, and the old one
// stays.
#include <sys/stat.h>

#include "common/base/text.h"
#include "common/log/log.h"
#include "common/process/master_process.h"
#include "common/process/server_tls.h"

namespace pennypost {
namespace {

constexpr std::chrono::seconds certificate_check_interval{20};

std::string stamp_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return path + " absent\n";
  return path + " " + std::to_string(status.st_dev) + "/" + std::to_string(status.st_ino) + "/" +
         std::to_string(status.st_size) + "/" + std::to_string(status.st_mtim.tv_sec) + "." +
         std::to_string(status.st_mtim.tv_nsec) + "\n";
}

}  // namespace

/// Changes whenever one of the files may have changed.
std::string Master::certificate_stamp(const Config& config) const {
  std::string stamp;
  for (const auto& file : certificate_files(config, spec_.services, spec_.read_names)) {
    stamp += stamp_of(file);
  }
  return stamp;
}

/// Among the daemon's figures.
void Master::tell_certificates() {
  figures_.forget_certificates();
  for (const auto& [service, context] : now_->prepared->tls) {
    if (auto end = context->certificate_end()) figures_.tell_certificate(service, *end);
  }
}

Task<> Master::watch_certificates() {
  std::string refused;  // the stamp of what can't be used
  for (;;) {
    co_await loop_.sleep(certificate_check_interval);
    if (trial_ || stopping_) continue;
    const std::string stamp = certificate_stamp(*now_->config);
    if (stamp == now_->certificate_stamp || stamp == refused) continue;
    auto work = try_config(master_process, now_->config);
    auto tried = co_await std::move(work);
    if (tried) {
      log_info("master", "the certificate has changed; the new one is used from now on");
      commit_trial();
      continue;
    }
    if (stopping_) continue;
    refused = stamp;
    for (auto line : split(tried.error().text(), '\n')) {
      log_warning("master", "the certificate has changed, but can't be used: " + std::string(line));
    }
    log_warning("master", "the old certificate stays in use");
  }
}

}  // namespace pennypost
