//! What can be asked at once: one question, a tuple or a list of them, answered from one snapshot.

use crate::ask::{Ask, mismatch};
use crate::error::StoreError;
use crate::query::{Answer, Query};

/// What [`Store::read`](crate::Store::read) takes: one [`Ask`], or a tuple or list of questions that are answered from
/// one snapshot.
pub trait Question {
    /// What comes back.
    type Answer;

    /// Appends the queries.
    fn queries(&self, queries: &mut Vec<Query>);

    /// Takes as many answers as [`queries`](Self::queries) appended.
    ///
    /// # Errors
    ///
    /// As [`Ask::decode`].
    fn answer(&self, answers: &mut std::vec::IntoIter<Answer>) -> Result<Self::Answer, StoreError>;
}

impl<T> Question for Ask<T> {
    type Answer = T;

    fn queries(&self, queries: &mut Vec<Query>) {
        queries.push(self.query().clone());
    }

    fn answer(&self, answers: &mut std::vec::IntoIter<Answer>) -> Result<T, StoreError> {
        self.decode(answers.next().ok_or_else(mismatch)?)
    }
}

impl<Q: Question> Question for Vec<Q> {
    type Answer = Vec<Q::Answer>;

    fn queries(&self, queries: &mut Vec<Query>) {
        for question in self {
            question.queries(queries);
        }
    }

    fn answer(&self, answers: &mut std::vec::IntoIter<Answer>) -> Result<Self::Answer, StoreError> {
        self.iter()
            .map(|question| question.answer(answers))
            .collect()
    }
}

macro_rules! question_of_tuple {
    ($($name:ident . $at:tt),*) => {
        impl<$($name: Question),*> Question for ($($name,)*) {
            type Answer = ($($name::Answer,)*);

            fn queries(&self, queries: &mut Vec<Query>) {
                $(self.$at.queries(queries);)*
            }

            fn answer(&self, answers: &mut std::vec::IntoIter<Answer>) -> Result<Self::Answer, StoreError> {
                Ok(($(self.$at.answer(answers)?,)*))
            }
        }
    };
}

question_of_tuple!(A.0, B.1);
question_of_tuple!(A.0, B.1, C.2);
question_of_tuple!(A.0, B.1, C.2, D.3);
question_of_tuple!(A.0, B.1, C.2, D.3, E.4);
question_of_tuple!(A.0, B.1, C.2, D.3, E.4, F.5);
question_of_tuple!(A.0, B.1, C.2, D.3, E.4, F.5, G.6);
question_of_tuple!(A.0, B.1, C.2, D.3, E.4, F.5, G.6, H.7);
