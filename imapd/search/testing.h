// Gives tests of searches a mailbox on disk with messages of their own.
#pragma once

#include <doctest/doctest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "common/base/scratch.h"
#include "store/stores/stores.h"

namespace pennypost::imap {

/// An account's mail in a new directory, gone at the end.
struct SearchedAccount {
  Scratch scratch;
  store::MailLocation location;
  std::unique_ptr<store::MailStore> mail;
  std::string directory = scratch / "words";  // for an index of words

  explicit SearchedAccount(
      store::MailLocation::Format format = store::MailLocation::Format::Maildir) {
    store::StoreSettings settings;
    settings.fsync = false;
    settings.brief_lock_ms = 10;
    location.format = format;
    location.root = location.index = location.inbox = scratch / "mail";
    if (format == store::MailLocation::Format::Mbox) location.inbox = scratch / "inbox";
    mail = store::open_store(location, settings);
  }
  void append(const std::vector<std::string>& texts) const {
    std::vector<store::NewMessage> messages;
    for (const auto& text : texts) {
      store::NewMessage message;
      message.body = {std::string_view(text)};
      messages.push_back(std::move(message));
    }
    REQUIRE(mail->append(store::MailboxName::inbox(), messages));
  }
  std::unique_ptr<store::Mailbox> open() const {
    return *mail->open(store::MailboxName::inbox(), store::Access::ReadWrite);
  }
};

}  // namespace pennypost::imap
