// Expands names such as `$home` in forward_path, command_execution_directory and luser_relay.
//
// The forms are `$name` and `${name}`, with Postfix's names: home, user, extension,
// recipient_delimiter, local, domain, recipient. Any other name is refused when the configuration
// is read (../../common/config/value_check.cpp).
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace pennypost::smtp {

/// The values for one recipient. The sender of a message chooses all of them except home and user.
struct UserNames {
  std::string home;
  std::string user;
  std::string extension;  // the part after recipient_delimiter
  std::string recipient_delimiter;
  std::string local;  // the local part without its extension
  std::string domain;
  std::string recipient;  // the full address
};

/// What a text with $extension means for an address without one.
enum class EmptyExtension { IsNothing, IsText };

/// The text with its names expanded; nothing if it uses an empty extension, so that
/// `.forward+lists` is not looked for in mail to the user's bare name, unless that is text.
std::optional<std::string> expand_user_text(
    std::string_view text, const UserNames& names,
    EmptyExtension empty_extension = EmptyExtension::IsNothing);

}  // namespace pennypost::smtp
