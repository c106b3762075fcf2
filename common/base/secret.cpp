#include "common/base/secret.h"

#include <string.h>

namespace pennypost {

void Secret::wipe() noexcept {
  explicit_bzero(text_.data(), text_.size());
  text_.clear();
}

}  // namespace pennypost
