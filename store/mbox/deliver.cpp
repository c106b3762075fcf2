// Delivers a message to an mbox by appending it.
//
// The message is written after the last one and synced, under the locks; if that fails, ftruncate
// removes what was written. An mbox stores no queue ids, so a repeated delivery can't be detected.
//
// STANDARDS  RFC 5321 section 4.4 (Return-Path), Postfix local(8)
#include <sys/stat.h>
#include <unistd.h>

#include "store/mailbox/body.h"
#include "store/mailbox/file.h"
#include "store/mbox/format.h"
#include "store/mbox/scan.h"
#include "store/mbox/store.h"

namespace pennypost::store {
namespace {

constexpr std::size_t write_bytes = 256 * 1024;

}  // namespace

Result<void> MboxStore::place(const Delivery& delivery, const MailboxName& name,
                              const Placement& placement) {
  const auto& settings = layout().settings();
  TRY_DO(layout().prepare(name));
  auto path = layout().file(name);
  TRY(auto lock, layout().lock(name));
  struct stat status {};
  if (::fstat(lock.descriptor(), &status) != 0) return file_error("stat", path);
  auto written = write_at_end(lock.descriptor(), path, delivery, placement);
  if (written && settings.fsync) written = sync_file(lock.descriptor(), path);
  if (written && settings.fsync && status.st_size == 0) {
    // The entry of a new file must be durable as well.
    written = sync_directory(path.substr(0, path.rfind('/')));
  }
  Limit limit = settings.mailbox_size_limit;
  struct stat now {};
  if (written && ::fstat(lock.descriptor(), &now) != 0) written = file_error("stat", path);
  auto size = static_cast<std::uint64_t>(now.st_size);
  if (written && !limit.allows(size)) {
    bool alone = !limit.allows(size - static_cast<std::uint64_t>(status.st_size));
    written = Error(alone ? 552 : 452, ResponseCode::OverQuota,
                    "the mailbox " + path + " would exceed " + std::to_string(limit.value()) +
                        " bytes (mailbox_size_limit)");
  }
  if (!written && ::ftruncate(lock.descriptor(), status.st_size) != 0) {
    return file_error("take back what was written to", path);
  }
  return written;
}

Result<void> MboxStore::write_at_end(int descriptor, const std::string& path,
                                     const Delivery& delivery, const Placement& placement) const {
  if (::lseek(descriptor, 0, SEEK_END) < 0) return file_error("seek", path);
  std::string buffer;
  auto sink = [&](std::string_view block) -> Result<void> {
    buffer += block;
    if (buffer.size() < write_bytes) return {};
    auto written = write_all(descriptor, buffer, path);
    buffer.clear();
    return written;
  };
  TRY(auto line_ends, missing_line_ends(descriptor, path));
  TRY_DO(sink(line_ends));
  TRY_DO(sink(from_line(delivery.return_path, settings().clock->now_seconds())));
  MboxMeta meta;
  meta.flags = placement.flags;
  meta.keywords = placement.keywords;
  std::string fields;
  if (!placement.flags.empty() || !placement.keywords.empty()) {
    for (auto [field, prefix] : {std::pair(MboxField::StatusLine, "Status: "),
                                 std::pair(MboxField::XStatusLine, "X-Status: "),
                                 std::pair(MboxField::KeywordsLine, "X-Keywords: ")}) {
      fields += prefix + meta.value(field) + "\n";
    }
  }
  MboxQuoter quoter(sink, fields);
  TRY_DO(quoter.add(delivery_headers(delivery)));
  TRY_DO(for_each_block(delivery.body, [&](std::string_view block) { return quoter.add(block); }));
  TRY_DO(quoter.finish());
  return write_all(descriptor, buffer, path);
}

}  // namespace pennypost::store
