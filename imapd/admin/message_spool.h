// Keeps a portion of messages that come from elsewhere until they are stored, in a file without a
// name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/descriptor.h"
#include "imapd/admin/copied_mail.h"
#include "imapd/client/client.h"
#include "store/mailbox/message.h"

namespace pennypost::imap {

class MessageSpool final : public OctetSink {
 public:
  /// In `directory` (mail_temp_dir). Error: there can be no file.
  static Result<MessageSpool> open(const std::string& directory);

  /// Forgets what it has; digests are made only where they are asked for.
  Result<void> clear(bool makes_digests);
  Result<void> begin(std::uint64_t octets) override;
  Result<void> add(std::string_view octets) override;
  /// The message that has come since begin(), and its digest if that was asked for.
  store::FileRange range() const { return {file_.number(), begin_, size_ - begin_}; }
  std::string digest();

 private:
  Descriptor file_;
  std::uint64_t begin_ = 0;
  std::uint64_t size_ = 0;
  bool makes_digests_ = false;
  std::optional<TextDigest> digest_;
};

}  // namespace pennypost::imap
