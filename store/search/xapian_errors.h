// Turns Xapian's exceptions into Errors.
#pragma once

#include <xapian.h>

#include <string>
#include <utility>

#include "common/base/result.h"

namespace pennypost::store {

/// Calls `function`, which returns a Result.
template <class Function>
auto guarded(Function function) -> decltype(function()) {
  auto text = [](const Xapian::Error& error) { return "Index of words: " + error.get_msg(); };
  try {
    return function();
  } catch (const Xapian::DatabaseLockError& error) {
    return Error(451, ResponseCode::InUse, text(error));
  } catch (const Xapian::DatabaseModifiedError& error) {
    return Error(451, ResponseCode::InUse, text(error));
  } catch (const Xapian::Error& error) {
    return Error(451, ResponseCode::Corruption, text(error));
  }
}

}  // namespace pennypost::store
